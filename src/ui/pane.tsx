/** A pane: its rule and its visible rows, one Text each. */

import { Box, Text } from 'ink';
import type { ReactElement } from 'react';
import { memo } from 'react';
import { paint } from './paint.ts';
import type { DrawnPane } from './screen.ts';

/** One row of the terminal, formatted already. */
export const Row = memo(function Row({ text }: { readonly text: string }): ReactElement {
  return <Text wrap="truncate">{text}</Text>;
});

/** Draws a pane in exactly its place. */
export function Pane({ pane }: { readonly pane: DrawnPane }): ReactElement {
  const { width, height, focused, rule, rows } = pane;
  return (
    <Box flexDirection="column" width={width} height={height + 1} flexShrink={0}>
      <Row text={paint(rule, width, focused)} />
      {rows.lines.map((row, index) => (
        // Rows are places on the screen: the n-th place is the n-th row, whatever it shows.
        // oxlint-disable-next-line react/no-array-index-key
        <Row key={index} text={paint(row, width, focused)} />
      ))}
    </Box>
  );
}
