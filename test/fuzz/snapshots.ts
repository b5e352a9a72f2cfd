/** Snapshots of hosts, damaged as a broken tool or somebody who means harm would damage them. */

import type { CommandOutput, NamespaceSnapshot, Snapshot } from '../../src/host/snapshot.ts';
import type { Random } from './random.ts';

const mostChanges = 6;

/** What stands in the place of a token: numbers at the edges, what a terminal acts on, names that mean something. */
const strange = [
  ...String.raw`0 -1 1 32 33 128 129 65536 4294967296 9007199254740993 1e999 0x null [] {} [[]] {"set":[]}
    "" "\u001b[2J" "\u202e" "__proto__" "lo" "host" "0.0.0.0" "::" "255.255.255.255" "10.88.0.1" ::/0 0.0.0.0/33
    -j -A -m ! --dport 0:65535 65535:0 DNAT * / :`.split(/\s+/),
  '\u001b[2J',
  '\u009b31m',
  'x'.repeat(10_000),
];

/** Strings of JSON, numbers, words and signs. */
const token = /"(?:[^"\\]|\\.)*"|[\w.:/-]+|[^\s\w]/g;

function changedTokens(
  text: string,
  random: Random,
  change: (token: string, all: readonly string[]) => string,
): string {
  const tokens = text.match(token) ?? [];
  if (tokens.length === 0) return random.of(strange);
  const chosen = random.below(tokens.length);
  let index = 0;
  return text.replace(token, (one) => (index++ === chosen ? change(one, tokens) : one));
}

type Change = (text: string, random: Random, other: string) => string;

const changes: readonly Change[] = [
  (text, random) => changedTokens(text, random, () => random.of(strange)),
  (text, random) => changedTokens(text, random, (_one, all) => random.of(all)),
  (text, random) => changedTokens(text, random, () => ''),
  (text, random) => changedTokens(text, random, (one) => `${one}${one}`),
  (text, random) => text.slice(0, random.below(text.length + 1)),
  (text, random) => {
    const lines = text.split('\n');
    const line = random.below(lines.length);
    return [...lines.slice(0, line), random.of(lines), ...lines.slice(line)].join('\n');
  },
  (_text, _random, other) => other,
];

function damagedOutput(output: CommandOutput, random: Random, all: readonly CommandOutput[]): CommandOutput {
  if (random.below(16) === 0) return { ...output, exitCode: random.of([null, 1, 255]), error: random.of(strange) };
  // Mostly the same command's of elsewhere: so indices, names and addresses meet that do not belong together.
  const same = all.filter(({ command }) => random.below(8) === 0 || command === output.command);
  return { ...output, text: random.of(changes)(output.text, random, random.of(same.length === 0 ? all : same).text) };
}

function damagedNamespace(
  namespace: NamespaceSnapshot,
  random: Random,
  all: readonly NamespaceSnapshot[],
): NamespaceSnapshot {
  const outputs = all.flatMap((one) => one.outputs);
  const chosen = random.below(namespace.outputs.length);
  const damaged = namespace.outputs.map((one, index) => (index === chosen ? damagedOutput(one, random, outputs) : one));
  if (random.below(32) !== 0) return { ...namespace, outputs: damaged };
  return { ...namespace, name: random.of([...strange, ...all.map(({ name }) => name)]), outputs: damaged };
}

/** One of the samples with a few changes. */
export function damagedSnapshot(samples: readonly Snapshot[], random: Random): Snapshot {
  const sample = random.of(samples);
  let { namespaces } = sample;
  for (let left = 1 + random.below(mostChanges); left > 0; left--) {
    const chosen = random.below(namespaces.length);
    namespaces = namespaces.map((one, index) => (index === chosen ? damagedNamespace(one, random, namespaces) : one));
  }
  return { ...sample, namespaces };
}
