// `npm run docs`: writes docs/compatibility.md.

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compatibilityDocument } from './compatibility.ts'

writeFileSync(
  fileURLToPath(new URL('../../docs/compatibility.md', import.meta.url)),
  await compatibilityDocument(),
)
