// `npm run test:interop`: foreign clients against started broker processes. One file at a time: two cores
// do not carry several JVMs and a broker under test without making timeouts of them.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/interop/**/*.test.ts'],
    fileParallelism: false,
    setupFiles: ['tests/interop/report/record.ts'],
    reporters: ['default', './tests/interop/report/reporter.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
