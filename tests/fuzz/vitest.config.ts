// `npm run fuzz`: a million damaged frames by default, minutes of them; not part of `npm test`.
import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { include: ['tests/fuzz/**/*.test.ts'], testTimeout: 600_000 } })
