// Jobs of this process on Apache Kafka itself: what is read from it, written to it, and how often that counts. Once as
// anybody may, once behind TLS with a login whose sessions end while jobs run.

import { describe, expect, test } from 'vitest'
import { connectKafka } from '../../client/connect-kafka.ts'
import { AuthenticationError } from '../../client/errors.ts'
import { type SaslMechanism, saslMechanisms } from '../../client/sasl.ts'
import { ReferenceKafka } from '../vectors/reference-kafka.ts'
import { wireJobs } from '../suites/wire-jobs.ts'
import { certificate } from '../world/guard.ts'
import { javaMissing } from './clients.ts'

const missing = javaMissing()
const alice = { username: 'alice', password: 'open-sesame' }

function secured(kafka: ReferenceKafka, saslMechanism: SaslMechanism) {
  return {
    bootstrapServers: `127.0.0.1:${kafka.securePort}`,
    securityProtocol: 'SASL_SSL',
    saslMechanism,
    saslUsername: alice.username,
    saslPassword: alice.password,
    sslTruststoreCertificates: certificate('authority.pem'),
  } as const
}

if (missing === undefined) {
  wireJobs('Apache Kafka', async () => {
    const kafka = await ReferenceKafka.start()
    return {
      bootstrapServers: `127.0.0.1:${kafka.port}`,
      [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
    }
  })
  wireJobs('Apache Kafka, SASL_SSL with SCRAM-SHA-512', async () => {
    const kafka = await ReferenceKafka.start(undefined, { ...alice, reauthMs: 2_000 })
    return {
      bootstrapServers: `127.0.0.1:${kafka.port}`,
      secured: secured(kafka, 'SCRAM-SHA-512'),
      [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
    }
  })
  test('each mechanism lets in who knows the password, and nobody else', async () => {
    await using kafka = await ReferenceKafka.start(undefined, alice)
    for (const mechanism of saslMechanisms) {
      await using inside = connectKafka(secured(kafka, mechanism))
      expect(await inside.output.ensureTopic(`by-${mechanism}`), mechanism).toBe(1)
      await using outside = connectKafka({ ...secured(kafka, mechanism), saslPassword: 'guess' })
      await expect(outside.output.ensureTopic('x'), mechanism).rejects.toThrow(AuthenticationError)
    }
  }, 180_000)
} else {
  describe.skip('Apache Kafka', () => test(missing, () => {}))
}
