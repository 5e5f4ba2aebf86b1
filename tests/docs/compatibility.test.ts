// The committed document is the one that `npm run docs` would write.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { apis } from '../../broker/protocol/apis/index.ts'
import { compatibilityDocument } from '../../tools/docs/compatibility.ts'
import { kafkaApis } from '../../tools/docs/kafka-apis.ts'

test('docs/compatibility.md is up to date; `npm run docs` writes it', async () => {
  const committed = readFileSync(join(import.meta.dirname, '../../docs/compatibility.md'), 'utf8')
  expect(committed).toBe(await compatibilityDocument())
})

test('the names and versions of Kafka in it are those that the codec was made for', () => {
  for (const api of apis) {
    const [, name, lowest, highest] = kafkaApis.find(([key]) => key === api.key) ?? []
    expect([name, lowest, highest]).toEqual([api.name, ...api.advertisedVersions])
  }
})
