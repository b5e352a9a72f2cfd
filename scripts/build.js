// Bundles the program into dist/: one file a thread or process that nettrace starts, and the program itself in chunks, so that a
// command loads no other's. A bundle starts in half the time of the module tree (docs/performance.md).
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

/** @type {import('esbuild').BuildOptions} */
const options = {
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.15',
  sourcemap: false,
  legalComments: 'none',
  external: ['cap'],
  // Ink loads its developer tools only when asked to; they are not installed.
  alias: { 'react-devtools-core': './scripts/no-devtools.js' },
  define: { 'process.env.NODE_ENV': '"production"' },
  banner: {
    js: "import { createRequire as nodeCreateRequire } from 'node:module'; const require = nodeCreateRequire(import.meta.url);",
  },
};

rmSync('dist', { recursive: true, force: true });
await build({ ...options, entryPoints: { main: 'src/cli/main.ts' }, splitting: true });
// Built beside it, their parts would divide those of the program into more files.
await build({
  ...options,
  entryPoints: {
    'cap-worker': 'src/capture/cap-worker.ts',
    'tracking-worker': 'src/index/tracking-worker.ts',
    'diagnosis-worker': 'src/cli/live/diagnosis-worker.ts',
  },
});
// The first start leaves what it compiled to those that follow (bin/nettrace.js): let it not be one in an outage.
execFileSync('bin/nettrace', ['replay', 'fixtures/loopback-only-listener.pcapng'], { stdio: 'ignore' });
