import { expect, it } from 'vitest';
import { devicesDown } from '../../src/capture/supervisor.ts';

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
