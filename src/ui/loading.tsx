/** The UI before there is a case to look at: progress, and the keys that leave it. */

import { Box, useApp, useInput, useWindowSize } from 'ink';
import type { ReactElement } from 'react';
import { keysOf } from './keys.ts';
import { paint } from './paint.ts';
import { Row } from './pane.tsx';
import { type Loading, loadingLines } from './rows/loading.ts';

const leavingKeys: readonly string[] = ['escape', 'q', 'ctrl+c'];

/** Draws how far it is. */
export function LoadingScreen({ loading }: { readonly loading: Loading }): ReactElement {
  const { exit } = useApp();
  const { columns, rows } = useWindowSize();
  useInput((input, flags) => {
    if (keysOf(input, flags).some((key) => leavingKeys.includes(key))) exit();
  });
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      {loadingLines(loading, columns, rows).map((row, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- rows are places on the screen
        <Row key={index} text={paint(row, columns, false)} />
      ))}
    </Box>
  );
}
