// Who we are, told to a broker on a fresh connection: SaslHandshake names the mechanism, SaslAuthenticate carries its
// tokens (KIP-43, KIP-152).

import { randomBytes } from 'node:crypto'
import { saslAuthenticate } from '../broker/protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../broker/protocol/apis/sasl-handshake.ts'
import { errorCodes, errorName } from '../broker/protocol/errors.ts'
import type { BrokerConnection } from './connection.ts'
import { AuthenticationError, KafkaError, mayPass } from './errors.ts'
import { SaslError, saslExchange } from './sasl.ts'
import type { Security } from './security.ts'

const NONCE_BYTES = 24

/**
 * Resolves with how long the broker lets the session be (KIP-368); undefined: for ever. Rejects with
 * AuthenticationError where the broker does not know us, or cannot prove who it is.
 */
export async function authenticate(
  connection: BrokerConnection,
  { mechanism, credentials }: NonNullable<Security['sasl']>,
): Promise<number | undefined> {
  const { name } = connection
  // Whoever serves SaslAuthenticate serves version 1 of the handshake.
  const version = connection.versionOf(saslAuthenticate)
  const { errorCode, mechanisms } = await connection.request(saslHandshake, 1, { mechanism })
  if (errorCode !== errorCodes.NONE) {
    throw new AuthenticationError(
      name,
      `${mechanism}: ${errorName(errorCode)}; the broker has ${mechanisms.join(', ') || 'no mechanism'}`,
    )
  }
  const exchange = saslExchange(mechanism, credentials, randomBytes(NONCE_BYTES).toString('base64'))
  let token: Buffer | undefined = exchange.first
  let lifetimeMs = 0n
  while (token !== undefined) {
    const answer = await connection.request(saslAuthenticate, version, { authBytes: token })
    if (answer.errorCode !== errorCodes.NONE) {
      const refused = new KafkaError(answer.errorCode, mechanism, answer.errorMessage)
      throw mayPass(refused) ? refused : new AuthenticationError(name, refused)
    }
    lifetimeMs = answer.sessionLifetimeMs
    try {
      token = await exchange.next(Buffer.from(answer.authBytes))
    } catch (error) {
      throw error instanceof SaslError ? new AuthenticationError(name, error) : error
    }
  }
  return lifetimeMs > 0n ? Number(lifetimeMs) : undefined
}
