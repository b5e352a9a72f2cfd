/**
 * The public door of this room: the filter language, after Wireshark's display filters. `docs/filters.md` is its manual.
 */

import { bind, type FrameFields, type FrameTest, type HeaderColumns } from './bind.ts';
import { type Condition, checkFilter } from './check.ts';
import { done, type Result } from './error.ts';
import { parseFilter } from './parse.ts';

/** A filter that is ready to be asked. */
export interface Filter {
  /** The fields that it asks for, aliases as their parts. */
  readonly names: ReadonlySet<string>;
  /**
   * Ties it to where frames' values come from.
   *
   * @param fields Everything there is to know of a frame.
   * @param columns What of it is at hand at once, where there is an index; the answers are the same without.
   * @returns The test of one frame; it throws only what `fields` or `columns` throw.
   */
  readonly bind: <Row>(fields: FrameFields<Row>, columns?: HeaderColumns<Row>) => FrameTest<Row>;
}

function* namesOf(condition: Condition): Generator<string> {
  switch (condition.kind) {
    case 'and':
    case 'or':
    case 'xor':
      for (const one of condition.conditions) yield* namesOf(one);
      return;
    case 'not':
      yield* namesOf(condition.condition);
      return;
    case 'present':
    case 'number':
    case 'words':
    case 'text':
      yield condition.name;
  }
}

/** Reads a filter, or says where and why it is none. Never throws; its time is that of the text's length. */
export function compileFilter(text: string): Result<Filter> {
  const expression = parseFilter(text);
  if (!expression.ok) return expression;
  const condition = checkFilter(expression.value);
  if (!condition.ok) return condition;
  return done({
    names: new Set(namesOf(condition.value)),
    bind: (fields, columns) => bind(condition.value, fields, columns ?? null),
  });
}
