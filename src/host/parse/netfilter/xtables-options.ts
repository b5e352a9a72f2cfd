/** The words of an `iptables-save` line, grouped as matches and a target with their options: iptables(8). */

/** `! --option values`. */
export interface Option {
  readonly name: string;
  readonly negated: boolean;
  readonly values: readonly string[];
}

/** A match (`-m`), or the target, with what was given to it. */
export interface Extension {
  readonly name: string;
  readonly options: readonly Option[];
}

/** One `-A` line. */
export interface RuleLine {
  readonly chain: string;
  /** `-s`, `-d`, `-i`, `-o`, `-p`, `-f`. */
  readonly general: readonly Option[];
  readonly matches: readonly Extension[];
  readonly target: Extension | null;
  /** `-g`: does not come back to this chain. */
  readonly isGoto: boolean;
}

interface Word {
  readonly text: string;
  readonly quoted: boolean;
}

/** The words of a line; in quotation marks a backslash takes the next character as it is (xtables_save_string). */
function wordsOf(line: string): Word[] {
  return (line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []).map((word) =>
    word.startsWith('"') && word.endsWith('"') && word.length > 1
      ? { text: word.slice(1, -1).replace(/\\(.)/gs, '$1'), quoted: true }
      : { text: word, quoted: false },
  );
}

const generalNames: ReadonlySet<string> = new Set(['-s', '-d', '-i', '-o', '-p', '-f']);

/** Options whose one value may look like an option. */
const freeText: ReadonlySet<string> = new Set(
  '--comment --log-prefix --nflog-prefix --ulog-prefix --name --string --hex-string --hashlimit-name --helper'.split(
    ' ',
  ),
);

function isOption(word: Word | undefined): boolean {
  return word !== undefined && !word.quoted && (/^-[a-z]$/.test(word.text) || word.text.startsWith('--'));
}

/** The option at a place, and the place after it. */
function optionAt(words: readonly Word[], start: number, negated: boolean): { option: Option; next: number } {
  const name = words[start]?.text ?? '';
  const values: string[] = [];
  let next = start + 1;
  const atMost = freeText.has(name) ? 1 : words.length;
  while (next < words.length && values.length < atMost) {
    const word = words[next];
    const ends = isOption(word) || (word?.text === '!' && !word.quoted);
    if (word === undefined || (ends && !freeText.has(name))) break;
    values.push(word.text);
    next += 1;
  }
  return { option: { name, negated, values }, next };
}

/** Reads a line; null when it is no `-A` line. */
export function parseRuleLine(line: string): RuleLine | null {
  const words = wordsOf(line);
  const append = words.findIndex(({ text }) => text === '-A');
  const chain = words[append + 1]?.text;
  // Before it stands at most a counter.
  if (append < 0 || append > 1 || chain === undefined) return null;
  const general: Option[] = [];
  const matches: { name: string; options: Option[] }[] = [];
  let target: { name: string; options: Option[] } | null = null;
  let isGoto = false;
  let negated = false;
  for (let at = append + 2; at < words.length; ) {
    const word = words[at]?.text ?? '';
    if (word === '!') {
      negated = true;
      at += 1;
      continue;
    }
    if (word === '-m' || word === '-j' || word === '-g') {
      const extension = { name: words[at + 1]?.text ?? '', options: [] };
      if (word === '-m') matches.push(extension);
      else target = extension;
      isGoto ||= word === '-g';
      at += 2;
      continue;
    }
    const { option, next } = optionAt(words, at, negated);
    if (generalNames.has(word)) general.push(option);
    else if (target !== null) target.options.push(option);
    else if (matches.length > 0) matches.at(-1)?.options.push(option);
    else matches.push({ name: '', options: [option] });
    negated = false;
    at = next;
  }
  return { chain, general, matches, target, isGoto };
}
