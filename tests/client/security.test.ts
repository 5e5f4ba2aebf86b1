// Brokers that ask for TLS and SASL: whoever has what they ask for works as without, and whoever has not is told at
// once, by name, and does not knock again and again.

import { afterEach, expect, test, vi } from 'vitest'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'
import { connectKafka, type KafkaOptions, type RemoteKafka } from '../../client/connect-kafka.ts'
import { AuthenticationError } from '../../client/errors.ts'
import { certificate, Guard, type GuardOptions } from '../world/guard.ts'
import { committedRows, until } from '../world/jobs.ts'

let broker: Broker
let guard: Guard
let kafka: RemoteKafka | undefined

async function start(options: GuardOptions, host = '127.0.0.1'): Promise<void> {
  guard = await Guard.start(options)
  broker = await startBroker({
    port: 0,
    config: { 'advertised.listeners': `PLAINTEXT://${host}:${guard.port}` },
    topics: { out: { partitions: 1 } },
  })
  guard.target = broker.port
}

afterEach(async () => {
  await kafka?.close()
  kafka = undefined
  await guard.stop()
  await broker.stop()
})

function connectWith(options: Partial<KafkaOptions>): RemoteKafka {
  const bootstrapServers = `127.0.0.1:${guard.port}`
  kafka = connectKafka({ bootstrapServers, retryBackoffMs: 2, deadlineMs: 10_000, ...options })
  return kafka
}

/** One record by a transaction, and it is there. */
async function works(options: Partial<KafkaOptions>): Promise<void> {
  const session = await connectWith(options).output.open('producer', 10_000)
  session.begin()
  await session.append('out', 0, buildBatch([{ timestampMs: 1, key: null, value: Buffer.from('in') }]))
  await session.commit()
  await session.close()
  expect(committedRows(broker.logViews, 'out')).toEqual(['in'])
}

const refused = (options: Partial<KafkaOptions>) => connectWith(options).output.ensureTopic('out')

const login = { saslUsername: 'a,li=ce', saslPassword: 'sesame' }
const known = { username: 'a,li=ce', password: 'sesame' }
const trusted = { sslTruststoreCertificates: certificate('authority.pem') }
const scram512 = { mechanism: 'SCRAM-SHA-512', ...known }

test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)(
  '%s, without and with TLS',
  async (mechanism) => {
    await start({ sasl: { mechanism, ...known } })
    await works({ securityProtocol: 'SASL_PLAINTEXT', saslMechanism: mechanism, ...login })
    await kafka?.close()
    await guard.stop()
    await broker.stop()
    await start({ tls: {}, sasl: { mechanism, ...known } })
    await works({ securityProtocol: 'SASL_SSL', saslMechanism: mechanism, ...login, ...trusted })
    expect(guard).toMatchObject({ turnedAway: 0 })
  },
)

test('TLS alone, with a certificate of the client where the broker asks for one', async () => {
  await start({ tls: { asksForCertificate: true } }, 'localhost')
  await works({
    securityProtocol: 'SSL',
    ...trusted,
    sslKeystoreCertificateChain: certificate('client.pem'),
    sslKeystoreKey: certificate('client.key'),
  })
})

test('a broker that asks for a certificate turns away whoever has none', async () => {
  await start({ tls: { asksForCertificate: true } })
  await expect(refused({ securityProtocol: 'SSL', ...trusted })).rejects.toThrow(AuthenticationError)
  expect(guard).toMatchObject({ turnedAway: 1 })
})

test('an authority that is not trusted, and a certificate for another host, are said at once', async () => {
  await start({ tls: { isElsewhere: true } })
  await expect(refused({ securityProtocol: 'SSL' })).rejects.toThrow(/127\.0\.0\.1:\d+: .*certificate/)
  await kafka?.close()
  const options = { ...trusted, securityProtocol: 'SSL' } as const
  await expect(refused(options)).rejects.toThrow(/IP: 127\.0\.0\.1 is not in the cert's list/)
  await kafka?.close()
  await expect(refused({ ...options, sslEndpointIdentificationAlgorithm: '' })).resolves.toBe(1)
})

test('the environment cannot say that any certificate will do', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
  try {
    await start({ tls: {} })
    await expect(refused({ securityProtocol: 'SSL' })).rejects.toThrow(AuthenticationError)
  } finally {
    vi.unstubAllEnvs()
  }
})

test.each([
  [
    'a wrong password',
    { saslMechanism: 'SCRAM-SHA-512', ...login, saslPassword: 'x' },
    /that is not the password/,
  ],
  ['an unknown name', { saslMechanism: 'SCRAM-SHA-512', ...login, saslUsername: 'bob' }, /who is that/],
  [
    'a mechanism that it has not',
    { saslMechanism: 'PLAIN', ...login },
    /PLAIN: UNSUPPORTED_SASL_MECHANISM; the broker has SCRAM-SHA-512/,
  ],
] as const)('%s is refused once, by name', async (_, options, message) => {
  await start({ sasl: scram512 })
  const failure = refused({ securityProtocol: 'SASL_PLAINTEXT', ...options })
  await expect(failure).rejects.toThrow(AuthenticationError)
  await expect(failure).rejects.toThrow(message)
  await expect(failure).rejects.not.toThrow(/sesame/)
  expect(guard).toMatchObject({ admitted: 0, turnedAway: 0 })
})

test('a broker that only says yes, and cannot prove that it knows the password, hears nothing more', async () => {
  await start({ sasl: { ...scram512, isImpostor: true } })
  const options = { securityProtocol: 'SASL_PLAINTEXT', saslMechanism: 'SCRAM-SHA-512', ...login } as const
  await expect(refused(options)).rejects.toThrow(/could not prove that it knows the password/)
})

test('what a broker does not serve without SASL is said', async () => {
  await start({})
  const options = { securityProtocol: 'SASL_PLAINTEXT', saslMechanism: 'PLAIN', ...login } as const
  await expect(refused(options)).rejects.toThrow(/no version of SaslAuthenticate that both speak/)
})

test('before a session is over another connection takes its place, and nothing is lost', async () => {
  await start({ sasl: { ...scram512, sessionLifetimeMs: 200n } })
  connectWith({ securityProtocol: 'SASL_PLAINTEXT', saslMechanism: 'SCRAM-SHA-512', ...login })
  await until(undefined, async () => {
    expect(await kafka?.output.ensureTopic('out')).toBe(1)
    return guard.admitted >= 3
  })
  expect(guard.turnedAway).toBe(0)
})

test.each([
  [
    { securityProtocol: 'TLS' },
    /securityProtocol: 'TLS' is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL/,
  ],
  [{ ...login }, /saslUsername has no meaning where securityProtocol is PLAINTEXT/],
  [{ securityProtocol: 'SASL_PLAINTEXT', ...trusted }, /sslTruststoreCertificates has no meaning/],
  [{ securityProtocol: 'SASL_SSL', ...login }, /saslMechanism: 'undefined' is none of PLAIN/],
  [{ securityProtocol: 'SASL_SSL', saslMechanism: 'GSSAPI', ...login }, /'GSSAPI' is none of/],
  [{ securityProtocol: 'SASL_SSL', saslMechanism: 'PLAIN', saslUsername: 'a' }, /saslPassword is missing/],
  [{ securityProtocol: 'SSL', sslTruststoreCertificates: 'no pem' }, /cannot be read/],
  [{ securityProtocol: 'SSL', sslKeystoreKey: certificate('client.key') }, /go together/],
])('%o is refused before anything is connected', async (options, message) => {
  await start({})
  expect(() => connectKafka({ bootstrapServers: 'localhost:1', ...(options as object) })).toThrow(message)
})
