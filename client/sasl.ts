// SASL mechanisms, the client's half: tokens in, tokens out. The nonce is handed in; nothing here knows a connection.
//
// Rule kept: a SCRAM server proves that it knows the password as well; one that cannot is not talked to.

import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
export type SaslMechanism = (typeof saslMechanisms)[number]

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** What the server said does not fit the mechanism, or it could not prove who it is. */
export class SaslError extends Error {
  override readonly name = 'SaslError'
}

export interface SaslExchange {
  readonly first: Buffer
  /** The answer to a token of the server; undefined: nothing more is to be said. Throws SaslError. */
  next(challenge: Buffer): Promise<Buffer | undefined>
}

export function saslExchange(
  mechanism: SaslMechanism,
  credentials: Credentials,
  nonce: string,
): SaslExchange {
  return mechanism === 'PLAIN' ? plain(credentials) : scram(mechanism, credentials, nonce)
}

/** RFC 4616. */
function plain({ username, password }: Credentials): SaslExchange {
  return {
    first: Buffer.from(`\0${username}\0${password}`),
    next: () => Promise.resolve(undefined),
  }
}

const HASHES = {
  'SCRAM-SHA-256': { hash: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { hash: 'sha512', bytes: 64 },
} as const
const MIN_ITERATIONS = 4096
/** Kafka's own servers take no more than 16,384; a server that asks for ever more only wants our time. */
const MAX_ITERATIONS = 1_000_000
/** No channel binding: Kafka's servers know none. */
const GS2_HEADER = 'n,,'
const derive = promisify(pbkdf2)

/** RFC 5802 and 7677. As in Kafka names and passwords are UTF-8 as they are, without SASLprep. */
function scram(
  mechanism: Exclude<SaslMechanism, 'PLAIN'>,
  { username, password }: Credentials,
  nonce: string,
): SaslExchange {
  const { hash, bytes } = HASHES[mechanism]
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest()
  const firstBare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  let serverSignature: Buffer | undefined

  async function answer(serverFirst: string): Promise<Buffer> {
    const { serverNonce, salt, iterations } = parsedFirst(serverFirst)
    if (!serverNonce.startsWith(nonce) || serverNonce.length === nonce.length) {
      throw new SaslError(`${mechanism}: the server's nonce does not go on from ours`)
    }
    if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
      throw new SaslError(
        `${mechanism}: the server asks for ${iterations} iterations, not ${MIN_ITERATIONS} to ${MAX_ITERATIONS}`,
      )
    }
    const salted = await derive(password, salt, iterations, bytes, hash)
    const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${serverNonce}`
    const message = `${firstBare},${serverFirst},${withoutProof}`
    const clientKey = hmac(salted, 'Client Key')
    const signature = hmac(createHash(hash).update(clientKey).digest(), message)
    const proof = clientKey.map((byte, index) => byte ^ (signature[index] as number))
    serverSignature = hmac(hmac(salted, 'Server Key'), message)
    return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`)
  }

  function check(serverFinal: string, expected: Buffer): void {
    const [, error, signature] = /^(?:e=([^,]+)|v=([A-Za-z0-9+/=]+))(?:,.*)?$/.exec(serverFinal) ?? []
    if (error !== undefined) throw new SaslError(`${mechanism}: ${error}`)
    const found = Buffer.from(signature ?? '', 'base64')
    if (found.length !== expected.length || !timingSafeEqual(found, expected)) {
      throw new SaslError(`${mechanism}: the server could not prove that it knows the password`)
    }
  }

  let isChecked = false
  return {
    first: Buffer.from(`${GS2_HEADER}${firstBare}`),
    async next(challenge) {
      const text = challenge.toString()
      if (serverSignature === undefined) return answer(text)
      if (isChecked) throw new SaslError(`${mechanism}: the server goes on after its last message`)
      check(text, serverSignature)
      isChecked = true
      return undefined
    },
  }

  function parsedFirst(text: string) {
    // An extension that must be understood to go on (RFC 5802, 5.1): this knows of none.
    if (text.startsWith('m=')) {
      throw new SaslError(`${mechanism}: the server asks for an extension that is not known here`)
    }
    const [, serverNonce, salt, iterations] =
      /^r=([!-+\--~]+),s=([A-Za-z0-9+/]+={0,2}),i=(\d{1,9})(?:,.*)?$/.exec(text) ?? []
    if (serverNonce === undefined || salt === undefined || iterations === undefined) {
      throw new SaslError(`${mechanism}: the server's first message is none`)
    }
    return { serverNonce, salt: Buffer.from(salt, 'base64'), iterations: Number(iterations) }
  }
}
