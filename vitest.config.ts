// How `npm test` runs: every *.test.ts below tests/, in parallel, without the suites that need foreign clients (interop)
// or minutes (kill, fuzz).
//
// Most of a file's time is loading the broker. Files whose tests leave nothing behind in their process share one, and
// what it has loaded. Those that start threads and processes, count what is open, or load planted bugs have one each.
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'
import { plantPlugin } from './tests/world/plant-plugin.ts'

const notHere = ['tests/interop/**', 'tests/kill/**', 'tests/fuzz/**', '**/node_modules/**', 'dist/**']

const sharing = [
  'tests/layering.test.ts',
  'tests/{controller,coordinator,docs,handlers,log,net,partition,protocol,quota,share,time,vectors}/**/*.test.ts',
  'tests/processor/{checkpoint,graph,rdd,scheduler,sink,source,streams}/**/*.test.ts',
]

export default defineConfig({
  test: {
    testTimeout: 30_000,
    // One more than there are cores: tests wait for disks, and for processes that they start.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        extends: true,
        test: { name: 'sharing', include: sharing, exclude: notHere, isolate: false },
      },
      {
        extends: true,
        // Planted bugs: tests/world/plant.ts.
        plugins: [plantPlugin()],
        test: {
          name: 'alone',
          include: ['tests/**/*.test.ts'],
          exclude: [...notHere, ...sharing],
          // Programs and threads that tests start: tests/world/programs.ts.
          globalSetup: 'tests/world/programs-setup.ts',
          alias: [{ find: './start-thread.ts', replacement: resolve('tests/world/bundled-thread.ts') }],
        },
      },
    ],
  },
})
