import packageJson from '../../package.json' with { type: 'json' };

/** nettrace's own version. */
export const { version } = packageJson;
