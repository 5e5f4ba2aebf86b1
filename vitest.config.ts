// How `npm test` runs: every *.test.ts below tests/, in parallel, without the suites that need
// foreign clients (interop) or minutes (kill, fuzz).
import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'
import { plantPlugin } from './tests/world/plant-plugin.ts'

export default defineConfig({
  // Planted bugs: tests/world/plant.ts.
  plugins: [plantPlugin()],
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/interop/**', 'tests/kill/**', 'tests/fuzz/**', '**/node_modules/**', 'dist/**'],
    testTimeout: 30_000,
    // Programs and threads that tests start: tests/world/programs.ts.
    globalSetup: 'tests/world/programs-setup.ts',
    alias: [{ find: './start-thread.ts', replacement: resolve('tests/world/bundled-thread.ts') }],
  },
})
