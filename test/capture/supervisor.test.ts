import { expect, it } from 'vitest';
import { devicesDown, lastWords } from '../../src/capture/supervisor.ts';

// tcpdump 4.99.3 and the cap worker on libpcap 1.10.3.
it.each([
  ['tcpdump', 'tcpdump: ifb0: That device is not up\n', ['ifb0']],
  ['cap, of several devices', 'cap: ifb0: That device is not up\ncap: v@x: That device is not up\n', ['ifb0', 'v@x']],
  ['behind a warning', 'Warning: br0: no IPv4 address\ntcpdump: br0: That device is not up', ['br0']],
  ['a device that is gone', 'tcpdump: ifb9: No such device exists\n(No such device exists)\n', []],
  ['nothing', '', []],
])('devices that are down, by the words of %s', (_name, said, devices) => {
  expect(devicesDown(said)).toEqual(devices);
});

const listening = 'tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n';

it.each([
  [
    'a killed one says nothing of its end',
    `${listening}12 packets captured, 12 packets received by filter, 0 packets dropped by kernel\n`,
    '',
  ],
  [
    'its counts as it ends',
    `${listening}3 packets captured\n3 packets received by filter\n0 packets dropped by kernel\n`,
    '',
  ],
  [
    'a device that goes',
    `${listening}tcpdump: pcap_loop: The interface disappeared\n0 packets captured\n0 packets received by filter\n`,
    'tcpdump: pcap_loop: The interface disappeared',
  ],
  ['cap at a bridge port', 'Warning: eth0: no IPv4 address assigned - This may not actually work\n', ''],
])('why an engine ended: %s', (_name, said, words) => {
  expect(lastWords(said)).toBe(words);
});
