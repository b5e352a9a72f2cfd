import { describe, expect, test } from 'vitest';
import { describeCaptureError } from '../../src/capfile/capture-error.ts';
import { CaptureReader } from '../../src/capfile/capture-reader.ts';
import { Writer } from './build.ts';

function said(file: Uint8Array): string | null {
  const reader = new CaptureReader();
  expect([...reader.push(file), ...reader.end()]).toEqual([]);
  return reader.error && describeCaptureError(reader.error);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/** An Endace record: a time, type Ethernet, flags, record length, losses, wire length. */
const erf = new Writer(false)
  .raw(new Writer(true).uint(0, 4).uint(1_710_000_000, 4).bytes())
  .uint(2, 1)
  .uint(4, 1)
  .uint(76, 2)
  .uint(0, 2)
  .uint(60, 2)
  .bytes();

/** A buffer of 64 KiB with 8 KiB used, then a system trace header of 64 bits. */
const etl = new Writer(true)
  .uint(65_536, 4)
  .uint(8192, 4)
  .raw(new Uint8Array(64))
  .uint(2, 2)
  .uint(2, 1)
  .uint(0xc0, 1)
  .raw(new Uint8Array(8))
  .bytes();

const tar = new Uint8Array(512);
tar.set(latin1('capture.pcap'));
tar.set(latin1('ustar\u000000'), 257);

describe('what is no capture is named', () => {
  test.each([
    ['gzip', latin1('\u001f\u008b\u0008\0'), 'a gzip file'],
    ['zstd', latin1('\u0028\u00b5\u002f\u00fd'), 'a zstd file'],
    ['xz', latin1('\u00fd7zXZ\0'), 'an xz file (decompress it first)'],
    ['bzip2', latin1('BZh91AY&SY'), 'a bzip2 file (decompress it first)'],
    ['lz4', latin1('\u0004\u0022\u004d\u0018'), 'an lz4 file (decompress it first)'],
    ['zip', latin1('PK\u0003\u0004\u0014\0'), 'a zip file (unpack it first)'],
    ['7z', latin1('7z\u00bc\u00af\u0027\u001c'), 'a 7z file (unpack it first)'],
    ['tar', tar, 'a tar file (unpack it first)'],
    ['ELF', latin1('\u007fELF\u0002\u0001\u0001'), 'an ELF program'],
    ['PDF', latin1('%PDF-1.7'), 'a PDF document'],
    ['PNG', latin1('\u0089PNG\r\n\u001a\n'), 'a PNG image'],
    ['JPEG', latin1('\u00ff\u00d8\u00ff\u00e0'), 'a JPEG image'],
    ['snoop', latin1('snoop\0\0\0\0\0\0\u0002'), 'a snoop capture (convert it with editcap)'],
    ['Bluetooth snoop', latin1('btsnoop\0'), 'a Bluetooth snoop capture'],
    ['iptrace', latin1('iptrace 2.0'), 'an AIX iptrace capture (convert it with editcap)'],
    ['Network Monitor 2', latin1('GMBU\0\u0002'), 'a Microsoft Network Monitor 2 capture (convert it with editcap)'],
    ['Network Monitor 1', latin1('RTSS\0\u0001'), 'a Microsoft Network Monitor 1 capture (convert it with editcap)'],
    ['Sniffer', latin1('TRSNIFF data    \u001a'), 'a Sniffer capture (convert it with editcap)'],
    ['NetXRay', latin1('XCP\u0000002.001\0'), 'a NetXRay or Sniffer capture (convert it with editcap)'],
    ['ERF', erf, 'an ERF capture (convert it with editcap)'],
    ['ETL', etl, 'an event trace log of Windows (convert it with etl2pcapng)'],
    [
      'Git LFS',
      latin1('version https://git-lfs.github.com/spec/v1\noid sha256:'),
      'a Git LFS pointer, not the file itself (git lfs pull)',
    ],
    ['git-annex', latin1('/annex/objects/SHA256E-s4\n'), 'a git-annex pointer, not the file itself (git annex get)'],
    ['HTML', latin1('\n<!DOCTYPE html>\n<html>'), 'an HTML page'],
    ['XML', latin1('<?xml version="1.0"?>'), 'an XML document'],
    ['a snapshot', latin1('{\n  "takenNs": "17"'), "a snapshot of a host's state by nettrace, not a capture (JSON)"],
    ['a diagnosis', latin1('{"schema": "nettrace.diagnosis/1"'), 'a diagnosis by nettrace, not a capture (JSON)'],
    ['JSON', latin1('[{"a": 1}]'), 'JSON'],
    ['a line', latin1('hi\n'), 'text'],
    ['UTF-8 that is cut', Uint8Array.from(Buffer.from('Grüße').subarray(0, 3)), 'text'],
  ])('%s', (_name, file, looks) => {
    expect(said(file)).toBe(`not a pcap or pcapng capture, it looks like ${looks}`);
  });

  test('nothing at all', () => {
    expect(said(new Uint8Array(0))).toBe('not a pcap or pcapng capture: it is empty');
  });

  test.each([
    ['zeros', new Uint8Array(600), '00 00 00 00 00 00 00 00'],
    ['control characters', latin1('ab\u0001'), '61 62 01'],
    ['bytes that are no UTF-8', Uint8Array.of(0xc3, 0x28), 'c3 28'],
  ])('%s, by their bytes', (_name, file, bytes) => {
    expect(said(file)).toBe(`not a pcap or pcapng capture: it begins with bytes ${bytes}`);
  });
});
