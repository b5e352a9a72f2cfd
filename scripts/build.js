// Bundles the program into dist/: one file a process or thread that nettrace starts, shared chunks beside them. A bundle starts in
// half the time of the module tree (docs/performance.md).
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: {
    main: 'src/cli/main.ts',
    'cap-worker': 'src/capture/cap-worker.ts',
    'tracking-worker': 'src/index/tracking-worker.ts',
    'diagnosis-worker': 'src/cli/live/diagnosis-worker.ts',
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
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
});
// The first start leaves what it compiled to those that follow (bin/nettrace.js): let it not be one in an outage.
execFileSync('bin/nettrace', ['replay', 'fixtures/loopback-only-listener.pcapng'], { stdio: 'ignore' });
