/** Holds the table of fields against the decoders: what they make of real frames is in it, with the type that it says. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { CaseReader } from '../../src/capfile/case-file.ts';
import type { Outcome } from '../../src/diagnose/diagnosis.ts';
import type { FieldType } from '../../src/filter/field-table.ts';
import { filterFields, nearestWord } from '../../src/filter/fields.ts';
import { dissect } from '../../src/wire/dissect.ts';
import type { Dissection, Field } from '../../src/wire/layer.ts';
import { decideCorpus } from '../corpus/available.ts';
import { readIndex } from '../corpus/truth.ts';
import { bytesOf, realFrames } from '../wire/frames.ts';

const shapes: Partial<Record<FieldType, RegExp>> = {
  ipv4: /^\d+\.\d+\.\d+\.\d+$/,
  ipv6: /^[0-9a-f:.]*:[0-9a-f:.]*$/,
  mac: /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/,
  bytes: /^(?:[0-9a-f]{2})*$/,
};

function fits(type: FieldType, value: Field['value']): boolean {
  if (type === 'number' || type === 'boolean') return typeof value === type;
  return typeof value === 'string' && (shapes[type] ?? /(?:)/).test(value);
}

/** What the table lacks or says wrongly of a dissection, each once. */
function gaps({ layers }: Dissection, found: Map<string, string>): void {
  for (const { protocol, fields } of layers) {
    if (filterFields.get(protocol)?.type !== 'protocol') found.set(protocol, 'protocol');
    for (const { name, value } of fields) {
      const type = filterFields.get(name)?.type;
      if (type === undefined) found.set(name, `${typeof value}, such as ${value}`);
      else if (!fits(type, value)) found.set(name, `${value} is no ${type}`);
    }
  }
}

test('every field of the frames of test/wire', () => {
  const found = new Map<string, string>();
  for (const { hex } of realFrames) gaps(dissect(bytesOf(hex), 1, hex.length), found);
  expect(Object.fromEntries(found)).toEqual({});
});

/** Enough of each capture to meet its protocols. */
const framesOfEach = 2000;

const decision = decideCorpus(process.env['NETTRACE_CORPUS']);
test.runIf(decision.run)('every field of the corpus', { timeout: 60_000 }, () => {
  const folder = decision.run ? decision.folder : '';
  const found = new Map<string, string>();
  for (const { file } of readIndex(folder)) {
    const reader = new CaseReader();
    reader.push(new Uint8Array(readFileSync(path.join(folder, file))));
    const evidence = reader.end();
    for (const { bytes, interfaceIndex, originalLength } of evidence?.frames.slice(0, framesOfEach) ?? []) {
      gaps(dissect(bytes, evidence?.interfaces[interfaceIndex]?.linkType ?? -1, originalLength), found);
    }
  }
  expect(Object.fromEntries(found)).toEqual({});
});

/** A field's name as a decoder writes it to a `Header`: `header.number('tcp.srcport', …`. */
const written = /\.(?:number|flag|add|address|text|hex)\(\s*'(?<name>[a-z0-9]+(?:\.\w+)+)'/g;

test('every field that a decoder names in plain', () => {
  const folder = path.join(import.meta.dirname, '../../src/wire');
  const sources = readdirSync(folder).map((file) => readFileSync(path.join(folder, file), 'utf8'));
  const names = sources.flatMap((text) => [...text.matchAll(written)].map(({ groups }) => groups?.['name'] ?? ''));
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => !filterFields.has(name))).toEqual([]);
});

test('verdicts are the outcomes of a diagnosis', () => {
  const outcomes: Readonly<Record<Outcome, true>> = {
    ok: true,
    refused: true,
    unreachable: true,
    timeout: true,
    reset: true,
    closed: true,
    stalled: true,
    'dns-failed': true,
    'tls-failed': true,
    unknown: true,
  };
  expect(filterFields.get('verdict')?.words?.toSorted()).toEqual(Object.keys(outcomes).toSorted());
});

test.each([
  ['tcp.prot', 'tcp.port'],
  ['TCP.Port', 'tcp.port'],
  ['ip.scr', 'ip.src'],
  ['tcp.flags.rst', 'tcp.flags.reset'],
  ['xyzzy.plugh.frotz', null],
  ['q', null],
])('%s is nearest to %s', (misspelt, word) => expect(nearestWord(misspelt, filterFields.keys())).toBe(word));
