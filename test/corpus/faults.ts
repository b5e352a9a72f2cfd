/**
 * Faults of captures as the corpus's MANIFEST states them, what they mean in nettrace's words, and each difference to what
 * nettrace says, reviewed. Of a capture without the state of its host, a refusal is known to come from "remote" alone.
 */

/** Outcome and cause of the first connection that a document tells of; `none` where it tells of none. */
type Told = string;

/** See the file's head. */
export interface StatedFault {
  readonly file: string;
  /** How the capture's description begins. */
  readonly stated: string;
  /** What that means, judged by hand. */
  readonly means: Told;
  /** What nettrace says where that is another thing, and why. */
  readonly differs?: { readonly told: Told; readonly why: string };
}

const ok: Told = 'ok';

export const statedFaults: readonly StatedFault[] = [
  {
    file: 'PcapPlusPlus__one_tcp_rst.pcap',
    stated: 'SYN answered by RST,ACK: connection refused',
    means: 'refused refused-by-remote',
  },
  {
    file: 'sanders__tcp_refuseconnection.pcapng',
    stated: 'SYN answered at once by RST,ACK: port closed',
    means: 'refused refused-by-remote',
  },
  {
    file: 'sanders__nowebaccess3.pcapng',
    stated: 'DNS answers, then SYN retransmitted twice with no answer: silent drop upstream',
    means: 'timeout no-reply-from-remote',
  },
  {
    file: 'zeek__tls__https-to-http.pcap',
    stated: 'TLS ClientHello sent to a plain HTTP port: HTTP 400 answer, then RST',
    means: 'tls-failed tls-to-plaintext',
  },
  {
    file: 'zeek__tls__tls-1.2-handshake-failure.pcap',
    stated: 'ClientHello answered by server fatal alert handshake_failure, then FIN',
    means: 'tls-failed tls-alert',
  },
  {
    file: 'zeek__tls__tls-early-alert.pcap',
    stated: 'TLS warning alert unrecognized_name before ServerHello, connection continues',
    means: ok,
  },
  {
    file: 'zeek__tcp__rst-inject-rae.pcap',
    stated: 'RST injected during handshake (bad seq/flags), real SYN-ACK follows later',
    means: 'reset reset-by-middlebox',
  },
  {
    file: 'zeek__tcp__fin_retransmission.pcap',
    stated: 'SYN, then FIN retransmitted before SYN-ACK, server resets',
    means: 'reset reset-by-application',
  },
  {
    file: 'zeek__tcp__syn-then-ack-then-rst.pcap',
    stated: 'server answers SYN with a bare ACK (half-open), client resets',
    means: 'unknown',
  },
  {
    file: 'zeek__tcp__syn-then-rst.pcap',
    stated: 'client sends SYN then aborts itself with RST; server never seen (NOT a refusal)',
    means: 'unknown',
  },
  {
    file: 'zeek__tcp__handshake-reorder.pcap',
    stated: 'SYN-ACK recorded before SYN (capture reordering); connection is healthy',
    means: ok,
  },
  {
    file: 'tcptrace__6syns.dmp',
    stated: 'SYN retransmitted 3 times before SYN-ACK arrives after 43 s; connection then works',
    means: ok,
  },
  {
    file: 'tcptrace__first_seg_ooo.dmp',
    stated: 'first data segment lost/out of order and retransmitted',
    means: ok,
  },
  {
    file: 'zeek__tcp__retransmit-fast009.pcap',
    stated: 'SACK and duplicate ACKs, fast retransmit, client RST 60 s later',
    means: ok,
  },
  {
    file: 'zeek__tcp__retransmit-timeout.pcapng',
    stated: 'spurious retransmission 300 s after the data was acknowledged',
    means: ok,
    differs: {
      told: 'unknown',
      why: 'the capture begins in the middle of the connection: what became of it is not in it',
    },
  },
  {
    file: 'zeek__http__206_example_b.pcap',
    stated: 'HTTP range download with 57 zero-window ACKs, duplicates, RST',
    means: 'reset reset-by-application',
  },
  {
    file: 'tcptrace__single_byte_rexmit.dmp',
    stated: 'FDDI link type; retransmissions after a slow path',
    means: ok,
    differs: { told: 'none', why: 'FDDI is a link type that is not decoded' },
  },
  {
    file: 'tcptrace__bad_tcp_checksum.dmp',
    stated: 'one NBSS segment with a wrong TCP checksum among 10',
    means: ok,
    differs: {
      told: 'unknown',
      why: 'the capture begins in the middle of the connection, and checksums are not judged: devices fill them in',
    },
  },
  {
    file: 'snabb__icmpv4-fromlwaftr-replyto-tcp-frominet-bound1494-DF.pcap',
    stated: 'ICMP 3/4 fragmentation-needed quoting a TCP SYN (IPv6 tunnel MTU)',
    means: 'none',
  },
];

/** Words by which a description states a fault. */
export const faultWords =
  /answer|refus|\bRSTs?\b|reset|retransmi|inject|lost|zero-window|alert|unreachable|needed|exceeded|reordering|wrong .* checksum/i;
