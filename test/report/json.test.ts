import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { diagnosisJson, formatJson } from '../../src/report/json.ts';
import { lessonsOf } from '../../src/report/teach.ts';
import { hostile, hostileOutage, outage } from './samples.ts';

/** Any text, lone surrogates too. */
const anyText = fc.array(fc.nat(0x10ffff)).map((codes) => String.fromCodePoint(...codes));

/** What a terminal could act on. */
const unsafe = /[\p{Cc}\p{Cf}]/u;

function keysOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, member]) => [key, ...keysOf(member)]);
}

describe('the JSON document', () => {
  it('is one document that parses back equal', () => {
    expect(JSON.parse(formatJson(outage))).toEqual(outage);
    expect(formatJson(outage).endsWith('}\n')).toBe(true);
  });

  it('writes what a terminal would act on as escapes, and parses back equal', () => {
    const text = formatJson(hostileOutage);
    expect(text.replaceAll('\n', '')).not.toMatch(unsafe);
    expect(text).toContain('\\u001b[2J\\u202eevil\\u200b\\n\\u009b31m\\udb40\\udc41');
    expect(JSON.parse(text)).toEqual(hostileOutage);
    expect(text.includes(hostile)).toBe(false);
  });

  it('does so with any text', () => {
    fc.assert(
      fc.property(anyText, (summary) => {
        const [connection] = outage.connections;
        const document: Diagnosis = {
          ...outage,
          connections: connection === undefined ? [] : [{ ...connection, summary }],
        };
        const text = formatJson(document);
        expect(text.replaceAll('\n', '')).not.toMatch(unsafe);
        expect(JSON.parse(text)).toEqual(document);
      }),
    );
  });

  it.each([
    ['no connection', []],
    ['one', outage.connections],
    ['several', [...outage.connections, ...hostileOutage.connections]],
  ])('is the same in pieces: %s', (_name, connections) => {
    const { connections: _, ...head } = hostileOutage;
    const document = { ...head, connections };
    expect([...diagnosisJson(head, connections)].join('')).toBe(formatJson(document));
    const teach = lessonsOf(connections);
    const taught = { ...document, teach };
    expect([...diagnosisJson(head, connections, teach)].join('')).toBe(formatJson(taught));
  });

  it('has no field that docs/json.md leaves out', () => {
    const page = readFileSync(new URL('../../docs/json.md', import.meta.url), 'utf8');
    const documented = new Set([...page.matchAll(/`(\w+)`/g)].map(([, name]) => name));
    const down = { netns: 'host', device: 'podman0', from: '1.000000000', to: null };
    const alternative = { cause: 'firewall-reject', tellApart: 'look' };
    const full = {
      ...outage,
      evidence: { ...outage.evidence, linkOutages: [down] },
      connections: outage.connections.map((one) => ({
        ...one,
        translated: { source: one.source, destination: one.destination },
        alternatives: [alternative],
      })),
    };
    expect([...new Set(keysOf(full))].filter((key) => !documented.has(key))).toEqual([]);
  });
});
