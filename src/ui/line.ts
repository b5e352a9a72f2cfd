/**
 * Rows as data: what the formatters make and what `paint.ts` turns into one string a row.
 */

/** How a stretch of text stands out. Each has words or marks beside it, so nothing is lost without colour. */
export type Emphasis = 'strong' | 'failed' | 'marked' | 'server';

/** A stretch of a row. */
export interface Span {
  readonly text: string;
  readonly emphasis?: Emphasis;
}

/** One row of a pane: printable text, at most as wide as its pane. */
export interface Line {
  readonly spans: readonly Span[];
  /** The row under the cursor; its text carries a `>` as well. */
  readonly selected?: boolean;
}

/** What a pane shows: all its rows that are visible, and how many there are in all. */
export interface Rows {
  readonly lines: readonly Line[];
  /** Rows in all, the unseen ones too. */
  readonly length: number;
  /** Rows above the first visible one. */
  readonly offset: number;
}

/** A row of plain text. */
export function plain(text: string): Line {
  return { spans: [{ text }] };
}

/** A row of one emphasis. */
export function line(text: string, emphasis: Emphasis): Line {
  return { spans: [{ text, emphasis }] };
}

/** The row's text without emphasis. */
export function textOf(row: Line): string {
  return row.spans.map((span) => span.text).join('');
}

/**
 * The first of `height` visible rows out of `length`, so that `selected` is among them, in the middle where the ends
 * allow it.
 */
export function windowStart(length: number, height: number, selected: number): number {
  return Math.max(0, Math.min(selected - Math.floor(height / 2), length - height));
}

/** A scrolled view of rows made in full; an offset beyond the end shows the end. */
export function scrolled(all: readonly Line[], height: number, offset: number): Rows {
  const from = Math.max(0, Math.min(offset, all.length - height));
  return { lines: all.slice(from, from + height), length: all.length, offset: from };
}
