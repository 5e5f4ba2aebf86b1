// `npm run test:kill`: processes killed and file systems cut off under load. One file at a time, so that what
// is measured in seconds of load is not spent on the other file.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/kill/**/*.test.ts'],
    globalSetup: 'tests/kill/programs.ts',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
