import { defineConfig } from 'vitest/config';

// Three projects: `unit` is the inner loop (pure, seconds), `labs` needs root and real namespaces and so runs one file
// at a time, `e2e` drives the built program in a real pty.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: ['test/labs/**', 'test/e2e/**'],
          // One worker a core, and one set of modules a worker: the core keeps no state in modules, and loading it anew
          // for each of 170 files took longer than its tests.
          maxWorkers: '100%',
          isolate: false,
          // Far above what any takes: a busy machine fails no test.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'labs',
          include: ['test/labs/**/*.test.ts'],
          maxConcurrency: 3,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 30_000, fileParallelism: false } },
    ],
  },
});
