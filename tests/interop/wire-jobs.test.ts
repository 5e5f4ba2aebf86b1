// Jobs of this process on Apache Kafka itself: what is read from it, written to it, and how often that counts.

import { describe, test } from 'vitest'
import { ReferenceKafka } from '../vectors/reference-kafka.ts'
import { wireJobs } from '../suites/wire-jobs.ts'
import { javaMissing } from './clients.ts'

const missing = javaMissing()
if (missing === undefined) {
  wireJobs('Apache Kafka', async () => {
    const kafka = await ReferenceKafka.start()
    return {
      bootstrapServers: `127.0.0.1:${kafka.port}`,
      [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
    }
  })
} else {
  describe.skip('Apache Kafka', () => test(missing, () => {}))
}
