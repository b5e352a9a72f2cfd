import { describe, expect, test } from 'vitest';
import { CaptureCopier } from '../../src/capfile/capture-copier.ts';
import { CaptureReader } from '../../src/capfile/capture-reader.ts';
import { CaseReader, encodeCase } from '../../src/capfile/case-file.ts';
import { frameOf } from '../../src/capfile/pcapng-notes.ts';
import { interfaceBlock, sectionHeaderBlock } from '../../src/capfile/pcapng-writer.ts';
import type { InterfacePlace } from '../../src/case/interface-name.ts';
import { indexed } from '../index/columns-agreement.ts';
import { concat, interfaceOf, pcapHeader, section } from './build.ts';
import { exampleCase } from './example-case.ts';

const place = ({ netns, device }: InterfacePlace): string => `${netns ?? '-'} ${device}`;

/** Where the interfaces are by a case's reader, which holds the file, and by the index's, which looks at it once. */
function placesOf(file: Uint8Array): { held: string[]; index: string[] } {
  const reader = new CaseReader();
  reader.push(file);
  const held = reader.end()?.interfaces.map(place) ?? [];
  return { held, index: indexed(file).index.interfaces.map(place) };
}

function copyOf(file: Uint8Array): Uint8Array {
  const reader = new CaptureReader();
  const copier = new CaptureCopier('nettrace 0.1.0');
  const items = [...reader.push(file), ...reader.end()];
  let number = 0;
  const blocks = [...copier.copy(items, (item) => (item.kind === 'frame' ? frameOf(item, (number += 1)) : null))];
  return concat(...blocks, ...copier.end());
}

const named = (name: string): Uint8Array => interfaceOf(true, [[2, new TextEncoder().encode(name)]]);
/** The first blocks of a case: all that is in the file of a live capture whose nettrace was killed, or in editcap's copy. */
const withoutEnd = [...encodeCase(exampleCase)].slice(0, 1 + exampleCase.interfaces.length);
const mixed = [
  { netns: 'host', device: 'eth0', linkType: 1 },
  { netns: 'a:b', device: 'eth0', linkType: 1 },
  { netns: null, device: 'eth0:1', linkType: 1 },
  { netns: null, device: 'eth0', linkType: 1 },
];

describe('whether names hold namespaces', () => {
  test.each<[string, Uint8Array, readonly string[]]>([
    ['a case', concat(...encodeCase(exampleCase)), ['portainer eth0', 'host podman0']],
    ['a case without its last blocks', concat(...withoutEnd), ['portainer eth0', 'host podman0']],
    ['a foreign pcapng', concat(section(true), named('eth0:1'), named('a')), ['- eth0:1', '- a']],
    [
      'another writer whose name begins alike',
      concat(sectionHeaderBlock('nettracer 1'), interfaceBlock({ netns: 'host', device: 'a' }, 1)),
      ['- host:a'],
    ],
    [
      'a file of several sections',
      concat(sectionHeaderBlock('nettrace'), named('host:a'), section(true), named('host:a')),
      ['host a', '- host:a'],
    ],
    [
      'a case with a foreign capture',
      concat(...encodeCase({ ...exampleCase, frames: [], interfaces: mixed })),
      mixed.map(place),
    ],
    ['a pcap', pcapHeader(true, 0xa1b2c3d4), ['- ']],
  ])('%s: both readers agree, and a copy keeps it', (_name, file, expected) => {
    expect(placesOf(file)).toEqual({ held: expected, index: expected });
    expect(placesOf(copyOf(file))).toEqual({ held: expected, index: expected });
  });
});
