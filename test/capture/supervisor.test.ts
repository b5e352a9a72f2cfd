import { expect, it, vi } from 'vitest';
import { Guard } from '../../src/capture/guard.ts';
import { devicesDown, lastWords, SupervisedJob } from '../../src/capture/supervisor.ts';
import { tcpdumpEngine } from '../../src/capture/tcpdump.ts';
import { handle } from './handles.ts';

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

// As tcpdump does, but for the time that it takes: the stream's head comes before signals are minded.
const slowToMind = `
printf '\\115\\074\\262\\241\\2\\0\\4\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\4\\0\\1\\0\\0\\0'
sleep 0.2
trap 'echo "7 packets captured, 7 packets received by filter, 0 packets dropped by kernel" >&2' USR1
echo 'tcpdump: listening on eth0' >&2
while :; do sleep 0.01; done
`;

const host = handle('host', true);

const start = (guard: Guard, told: number[] = []): SupervisedJob =>
  new SupervisedJob(
    tcpdumpEngine,
    {
      namespace: host,
      points: [{ namespace: host, device: 'eth0' }],
      command: ['sh', '-c', slowToMind],
      latencyMs: tcpdumpEngine.latencyMs.prompt,
      output: 'socket',
    },
    0,
    guard,
    { onFrame: () => undefined, onInterface: (_point, linkType) => told.push(linkType) },
  );

it('an engine is ready, and asked for its counts, when that does not end it any more', async () => {
  const guard = new Guard();
  const told: number[] = [];
  const job = start(guard, told);
  await job.ready;
  expect(told).toEqual([1]);
  job.askCounts();
  await vi.waitFor(() => expect(job.counts()).toMatchObject({ captured: 7 }));
  await job.stop();
  await guard.release();
  expect(job.ends).toEqual([]);
});

it('an engine that has hardly begun is asked for what it has before it is ended', async () => {
  const guard = new Guard();
  const job = start(guard);
  await job.stop();
  await guard.release();
  expect(job.counts()).toMatchObject({ captured: 7 });
});
