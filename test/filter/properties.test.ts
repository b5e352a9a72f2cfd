import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Frame } from '../../src/case/evidence.ts';
import type { HeaderColumns } from '../../src/filter/bind.ts';
import { filterFields } from '../../src/filter/fields.ts';
import { type Comparator, type Expression, type FieldUse, parseFilter, type Written } from '../../src/filter/parse.ts';
import { dissect } from '../../src/wire/dissect.ts';
import type { Field } from '../../src/wire/layer.ts';
import { bytesOf, realFrames } from '../wire/frames.ts';
import { fieldsOf, filterOf, frameOf, print } from './ask.ts';

const nowhere = { start: 0, end: 0 };

function word(text: string): Written {
  return { text, quoted: false, ...nowhere };
}

function use(name: string, mask: string | null = null): FieldUse {
  return { name, slice: null, mask: mask === null ? null : word(mask), ...nowhere };
}

const comparators: readonly Comparator[] = ['==', '!=', '<', '<=', '>', '>='];
/** Fields with values that the frames have, and some that they have not. */
const numbers: Readonly<Record<string, readonly string[]>> = {
  'tcp.port': ['8080', '19001', '43020', '1'],
  'udp.dstport': ['53', '0x36'],
  'tcp.flags': ['2', '20', '24'],
  'ip.ttl': ['64', '63.5'],
  'icmp.type': ['3', '-1'],
  'data.len': ['2', '3', '1000'],
};
const addresses = ['10.88.0.1', '10.88.0.10', '192.0.2.1'];

const numeric = fc
  .constantFrom(...Object.entries(numbers))
  .chain(([name, values]) => fc.record({ name: fc.constant(name), value: fc.constantFrom(...values) }));

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  fc.constantFrom('tcp', 'udp', 'arp', 'ipv6', 'tcp.flags.syn', 'icmp.code').map((name) => ({
    kind: 'field' as const,
    field: use(name),
  })),
  fc
    .tuple(numeric, fc.constantFrom(...comparators), fc.option(fc.constantFrom('2', '0x14')))
    .map(([{ name, value }, comparator, mask]) => ({
      kind: 'compare' as const,
      field: use(name, mask),
      comparator,
      place: nowhere,
      value: word(value),
    })),
  fc.tuple(fc.constantFrom('ip.src', 'ip.addr'), fc.constantFrom(...addresses)).map(([name, value]) => ({
    kind: 'compare' as const,
    field: use(name),
    comparator: '!=' as const,
    place: nowhere,
    value: word(value),
  })),
  fc
    .tuple(fc.constantFrom('ip.dst', 'ip.addr'), fc.subarray(addresses, { minLength: 1 }), fc.boolean())
    .map(([name, values, negated]) => ({
      kind: 'in' as const,
      field: use(name),
      negated,
      place: nowhere,
      ranges: values.map((value) => ({ low: word(value), high: null })),
    })),
);

const { tree } = fc.letrec<{ tree: Expression; join: Expression; not: Expression }>((tie) => ({
  tree: fc.oneof({ maxDepth: 4, withCrossShrink: true }, leaf, tie('join'), tie('not')),
  join: fc.record({
    kind: fc.constantFrom('and' as const, 'or' as const, 'xor' as const),
    operands: fc.array(tie('tree'), { minLength: 2, maxLength: 4 }),
  }),
  not: fc.record({ kind: fc.constant('not' as const), operand: tie('tree') }),
}));

/** A tree without the places of its parts. */
function withoutPlaces(expression: Expression): unknown {
  return JSON.parse(
    JSON.stringify(expression, (key, value: unknown) => (/^(?:start|end|place)$/.test(key) ? undefined : value)),
  );
}

test('a tree becomes text and the same tree again', () => {
  fc.assert(
    fc.property(tree, (expression) => {
      const parsed = parseFilter(print(expression));
      expect(parsed.ok && withoutPlaces(parsed.value)).toEqual(withoutPlaces(expression));
    }),
  );
});

/** Every value of a field or alias, and of a protocol's name its layers'. */
function valuesOf(name: string, { bytes }: Frame): readonly Field['value'][] {
  const { layers } = dissect(bytes, 1, bytes.length);
  const parts = filterFields.get(name)?.parts ?? [];
  return layers.flatMap(({ protocol, fields }) => [
    ...(protocol === name ? [protocol] : []),
    ...fields.filter((field) => parts.includes(field.name)).map(({ value }) => value),
  ]);
}

function compares(comparator: Comparator, found: number, wanted: number): boolean {
  if (comparator === '==') return found === wanted;
  if (comparator === '<') return found < wanted;
  if (comparator === '<=') return found <= wanted;
  return comparator === '>' ? found > wanted : found >= wanted;
}

/** What a filter means, without any of the compiler. */
function naive(expression: Expression, frame: Frame): boolean {
  switch (expression.kind) {
    case 'not':
      return !naive(expression.operand, frame);
    case 'and':
      return expression.operands.every((operand) => naive(operand, frame));
    case 'or':
      return expression.operands.some((operand) => naive(operand, frame));
    case 'xor':
      return expression.operands.reduce((odd, operand) => odd !== naive(operand, frame), false);
    case 'field': {
      const values = valuesOf(expression.field.name, frame);
      return values.some((value) => typeof value !== 'boolean' || value);
    }
    case 'in': {
      const values = valuesOf(expression.field.name, frame);
      const meets = values.some((value) => expression.ranges.some(({ low }) => low.text === value));
      return values.length > 0 && meets !== expression.negated;
    }
    case 'compare':
      break;
  }
  const { field, comparator, value } = expression;
  const values = valuesOf(field.name, frame);
  if (field.name.startsWith('ip.') && field.name !== 'ip.ttl') {
    return values.length > 0 && !values.includes(value.text);
  }
  const bits = values.map((one) => (field.mask === null ? Number(one) : Number(one) & Number(field.mask.text)));
  if (comparator === '!=') return bits.length > 0 && !bits.includes(Number(value.text));
  return bits.some((one) => compares(comparator, one, Number(value.text)));
}

const frames = realFrames.map(({ hex }, index) => frameOf(bytesOf(hex), index + 1));

/** The columns that an index would have of these frames, made from their dissections. */
function columnsOf(names: readonly string[]): HeaderColumns<Frame> {
  return {
    complete: ({ bytes }) => dissect(bytes, 1, bytes.length).layers.every(({ quoted }) => quoted !== true),
    number(name) {
      if (!names.includes(name)) return null;
      return (frame) => {
        const [value] = valuesOf(name, frame);
        if (value === undefined) return Number.NaN;
        if (typeof value !== 'string') return Number(value);
        return value.split('.').reduce((sum, part) => sum * 256 + (Number(part) || 0), 0);
      };
    },
  };
}

describe('a filter means', () => {
  test('what its tree says', () => {
    fc.assert(
      fc.property(tree, (expression) => {
        const passes = filterOf(print(expression)).bind(fieldsOf());
        expect(frames.map(passes)).toEqual(frames.map((frame) => naive(expression, frame)));
      }),
    );
  });

  test('the same with columns as without, whichever there are', () => {
    const names = ['tcp', 'udp', 'ip.src', 'ip.dst', 'tcp.srcport', 'tcp.dstport', 'tcp.flags', 'tcp.flags.syn'];
    fc.assert(
      fc.property(tree, fc.subarray(names), (expression, there) => {
        const filter = filterOf(print(expression));
        const quick = filter.bind(fieldsOf(), columnsOf(there));
        expect(frames.map(quick)).toEqual(frames.map(filter.bind(fieldsOf())));
      }),
    );
  });
});

test('columns spare the dissection', () => {
  const never = { ...fieldsOf(), values: () => () => expect.unreachable('dissects') };
  const columns: HeaderColumns<Frame> = {
    complete: () => true,
    number: (name, place) => (name === 'ipv6.src' ? () => [0xfd000088, 0, 0, 0x10][place] ?? 0 : () => 80),
  };
  const ask = (text: string): boolean => filterOf(text).bind(never, columns)(frameOf(new Uint8Array()));
  expect(ask('tcp.port == 80 && ipv6.src == fd00:88::10')).toBe(true);
  expect(ask('ipv6.src == fd00:88::11')).toBe(false);
  // What needs a dissection comes last, wherever it was written.
  expect(ask('tcp.options == 00 && tcp.port == 81')).toBe(false);
});
