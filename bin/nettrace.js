#!/usr/bin/env node
// The launcher: checks the Node version, then hands over to the built program.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const [major, minor] = process.versions.node.split('.').map(Number);
const newEnough = major > 22 || (major === 22 && minor >= 15);

if (!newEnough && existsSync(path('../node_modules/node/bin/node'))) {
  const { spawn } = await import('node:child_process');
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
  // What V8 made of the program is kept beside it: compiling is a good part of a start. Where that cannot be written,
  // each start compiles. It is code: whatever the mask is, nobody else may write there.
  const mask = process.umask(0o022);
  module.enableCompileCache(path('../dist/compiled'));
  process.umask(mask);
  await import('../dist/main.js');
}
