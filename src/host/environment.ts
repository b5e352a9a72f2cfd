/** What every tool that nettrace starts runs with: no user's PATH, and English, parseable output. */
export const fixedEnvironment = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin',
  LC_ALL: 'C',
} as const;
