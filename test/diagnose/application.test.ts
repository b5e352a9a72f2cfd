/** What the two programs said to each other, of captures that have nothing but frames, and of one with a snapshot. */
import { describe, expect, it } from 'vitest';
import { captureOf, reverse, tcp } from '../flow/frames.ts';
import { bytesOf } from '../wire/frames.ts';
import { counted, join, text } from '../wire/payloads.ts';
import { at, caseOf, ends, listeners, onlyConnection, seen, snapshotWith, told } from './cases.ts';

const back = reverse(ends.tcp);
const opening = [
  tcp(ends.tcp, { flags: 'SYN', sequence: 100 }),
  tcp(back, { flags: 'SYN ACK', sequence: 900, acknowledgement: 101 }),
  tcp(ends.tcp, { flags: 'ACK', sequence: 101, acknowledgement: 901 }),
];

/** What the client sends first, and what the server answers. */
function asks(text: string | Uint8Array): string {
  return tcp(ends.tcp, { flags: 'PSH ACK', sequence: 101, acknowledgement: 901, text });
}
function answers(text: string | Uint8Array): string {
  return tcp(back, { flags: 'PSH ACK', sequence: 901, acknowledgement: 200, text });
}

const get = 'GET /ping HTTP/1.1\r\nHost: example.org\r\n\r\n';
const acknowledged = tcp(back, { flags: 'ACK', sequence: 901, acknowledgement: 101 + get.length });
const unacknowledged = tcp(back, { flags: 'ACK', sequence: 901, acknowledgement: 101 });
const reset = tcp(back, { flags: 'RST ACK', sequence: 901, acknowledgement: 101 });
const closing = tcp(back, { flags: 'FIN ACK', sequence: 901, acknowledgement: 101 + get.length });
const clientDone = tcp(ends.tcp, { flags: 'FIN ACK', sequence: 101 + get.length, acknowledgement: 901 });
const serverDone = tcp(back, { flags: 'FIN ACK', sequence: 901, acknowledgement: 102 + get.length });
/** A record with the head of a ClientHello of TLS 1.2, and one with a fatal alert (unexpected_message). */
const hello = bytesOf(`1603010031 0100002d 0303 ${'00'.repeat(32)} 00 0002 c02f 0100 0002 0000`);
const alert = bytesOf('1503030002 020a');
const warning = bytesOf('1503030002 0170');
const goodbye = bytesOf('1503030002 0100');
const encrypted = bytesOf(`1703030020 ${'5a'.repeat(32)}`);

describe('the application', () => {
  it.each([
    ['resets after the request', [asks(get), reset], 'reset ECONNRESET reset-by-application inferred'],
    ['resets before it', [reset], 'reset ECONNRESET reset-by-application inferred'],
    ['closes without an answer', [asks(get), closing], 'closed - closed-by-application observed'],
    [
      'takes the request and says nothing',
      [asks(get), acknowledged, clientDone],
      'timeout - no-response-from-application observed',
    ],
    ['may answer after the end of the capture', [asks(get), acknowledged], 'unknown - - inferred'],
    ['is not known to have the request', [asks(get), unacknowledged, clientDone], 'timeout - - inferred'],
    [
      'has the head of the request, and is not known to have the rest',
      [
        asks(get),
        acknowledged,
        tcp(ends.tcp, { flags: 'PSH ACK', sequence: 101 + get.length, acknowledgement: 901, text: 'the rest' }),
        clientDone,
      ],
      'timeout - - inferred',
    ],
    ['takes an upload, and closes after the client', [asks('a log line'), clientDone, serverDone], 'ok - - observed'],
    [
      'takes a request that wants an answer, and closes after the client',
      [asks(get), acknowledged, clientDone, serverDone],
      'timeout - no-response-from-application observed',
    ],
    ['answers', [asks(get), answers('HTTP/1.1 200 OK\r\n\r\n')], 'ok - - observed'],
    ['speaks TLS to TLS', [asks(hello), answers(encrypted)], 'ok - - observed'],
    ['ends the handshake with an alert', [asks(hello), answers(alert)], 'tls-failed - tls-alert observed'],
    [
      'is told by an alert that the client ends it',
      [asks(hello), answers(encrypted), asks(alert)],
      'tls-failed - tls-alert observed',
    ],
    ['warns, and goes on', [asks(hello), answers(warning)], 'ok - - observed'],
    ['says goodbye in the clear', [asks(hello), answers(goodbye)], 'ok - - observed'],
    [
      'answers TLS with HTTP',
      [asks(hello), answers('HTTP/1.1 400 Bad Request\r\n\r\n')],
      'tls-failed - tls-to-plaintext observed',
    ],
    [
      'answers TLS with words of its own',
      [asks(hello), answers('-ERR what?\r\n')],
      'tls-failed - tls-to-plaintext observed',
    ],
    [
      'answers TLS with what is not the beginning of its words',
      [asks(hello), tcp(back, { flags: 'PSH ACK', sequence: 2349, acknowledgement: 200, text: 'the middle of it' })],
      'ok - - observed',
    ],
    ['answers HTTP with a TLS alert', [asks(get), answers(alert), closing], 'closed - plaintext-to-tls observed'],
  ])('%s', (_name, packets, what) => {
    const connection = onlyConnection(captureOf([...opening, ...packets]));
    expect(told(connection).what).toBe(what);
    if (connection.cause !== null) expect(connection.hops.at(-1)?.evidence.length).toBeGreaterThan(0);
  });

  it.each([
    ['after the request', [...opening, asks(get), reset], 'after the request a reset'],
    ['before it', [...opening, reset], 'before anything was asked a reset'],
    ['in a capture that began later', [asks('more of it'), reset], 'after the request a reset'],
    ['in a capture that began later, and has no request', opening.slice(2).concat(reset), 'later a reset'],
  ])('resets %s, and so it is told', (_name, sights, words) => {
    const { cause, explanation } = onlyConnection(captureOf(sights));
    expect(cause).toBe('reset-by-application');
    expect(explanation.join(' ')).toContain(words);
  });

  it.each([
    ['the server', [answers(alert)], 'the server ended the handshake with the alert unexpected_message'],
    [
      'the client',
      [answers(encrypted), asks(bytesOf('1503030002 0230'))],
      'the client ended the handshake with the alert unknown_ca',
    ],
    [
      'an alert without a name',
      [answers(bytesOf('1503030002 02ff'))],
      'the server ended the handshake with the alert 255',
    ],
  ])('an alert of %s is named', (_who, packets, words) => {
    const { summary, explanation } = onlyConnection(captureOf([...opening, asks(hello), ...packets]));
    expect(summary).toContain(words);
    expect(explanation.at(-1)).toMatch(/openssl s_client -connect 10\.88\.0\.1:19001$/);
  });

  it.each([
    ['example.org', / -servername example\.org$/],
    ["a'b; c", / -servername 'a'\\''b; c'$/],
    ['a\u001bb', /^The network is not to blame\.$/],
  ])('asks for the name %j as the client did, quoted for a shell', (name, command) => {
    const asked = counted(2, '0000', counted(2, counted(2, '00', counted(2, text(name)))));
    const body = join('0303', '00'.repeat(32), '00', '0002 c02f', '0100', asked);
    const named = join('160301', counted(2, '01', counted(3, body)));
    const { explanation } = onlyConnection(captureOf([...opening, asks(named), answers(alert)]));
    expect(explanation.at(-1)).toMatch(command);
  });

  it('is named where a snapshot knows who listens', () => {
    const sights = [...opening, asks(get), reset].flatMap((packet, index) =>
      seen(packet, [at.container], BigInt(index) * 10_000n),
    );
    const connection = onlyConnection(caseOf({ sights, snapshot: snapshotWith(listeners.bridge) }));
    expect(told(connection)).toMatchObject({
      what: 'reset ECONNRESET reset-by-application observed',
      where: 'host:podman0 application, hop 8',
    });
    expect(connection.explanation.join(' ')).toContain('Look into the log of python3 (pid 813) on the host.');
  });

  it('is not blamed for a client that resets what it opened', () => {
    const own = tcp(ends.tcp, { flags: 'RST ACK', sequence: 101, acknowledgement: 901 });
    expect(onlyConnection(captureOf([...opening, own])).cause).toBeNull();
  });
});
