#!/usr/bin/env node
// The launcher: checks the Node version, then hands over to the built program.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const [major, minor] = process.versions.node.split('.').map(Number);
const newEnough = major > 22 || (major === 22 && minor >= 15);

if (!newEnough && existsSync(path('../node_modules/node/bin/node'))) {
  // The channel's end tells the other that this launcher is gone, however it went.
  const child = spawn(path('../node_modules/node/bin/node'), [path('./nettrace.js'), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal) process.removeAllListeners(signal);
    if (signal) process.kill(process.pid, signal);
    else process.exit(code ?? 1);
  });
} else if (!newEnough) {
  console.error(
    `nettrace needs Node 22.15 or newer, and this is ${process.versions.node}. Run bin/setup, which brings one along.`,
  );
  process.exit(1);
} else if (!existsSync(path('../dist/main.js'))) {
  console.error('nettrace is not built yet. Run bin/setup first (or: npm run build).');
  process.exit(1);
} else {
  if (process.channel) {
    process.channel.unref();
    process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  }
  await import('../dist/main.js');
}
