/** Whether the terminal gets colour. */

/** What `--color` says. */
export type ColourChoice = 'auto' | 'always' | 'never';

/** chalk's levels: none, 16 colours, 256, 16 million. */
export type ColourLevel = 0 | 1 | 2 | 3;

/**
 * The level to draw with: the flag first, then FORCE_COLOR, then NO_COLOR (https://no-color.org: present and not empty),
 * then what the terminal was found to have. chalk itself knows nothing of NO_COLOR.
 */
export function colourLevel(
  choice: ColourChoice,
  environment: { readonly NO_COLOR?: string | undefined; readonly FORCE_COLOR?: string | undefined },
  detected: ColourLevel,
): ColourLevel {
  if (choice === 'never') return 0;
  if (choice === 'always') return detected === 0 ? 1 : detected;
  return environment.NO_COLOR && !environment.FORCE_COLOR ? 0 : detected;
}
