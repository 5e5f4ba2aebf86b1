// A socket to a broker, secured where it is to be. What TLS refuses will be refused again: it is told at once.

import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../broker/time/clock.ts'
import { AuthenticationError, ConnectionLostError } from './errors.ts'
import { type Security, tlsTo } from './security.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Rejects with ConnectionLostError, or AuthenticationError where certificates do not fit. */
export function openSocket(
  { host, port }: Address,
  { clock, requestTimeoutMs, security }: { clock: Clock; requestTimeoutMs: number; security: Security },
): Promise<Socket> {
  const name = `${host}:${port}`
  const { tls } = security
  const socket = tls === undefined ? connect(port, host) : connectTls({ ...tlsTo(host, tls), port })
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(requestTimeoutMs, () => fail(new Error('it does not answer')))
    const fail = (error: Error) => {
      timer.cancel()
      socket.destroy()
      reject(lostOrRefused(name, error))
    }
    socket.once('error', fail)
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      timer.cancel()
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

// OpenSSL's names of what can be wrong with a certificate, and Node's of a handshake.
const REFUSED = /^(ERR_TLS_|ERR_SSL_|EPROTO$)|CERT|CRL|ISSUER|LEAF_SIGNATURE|HOSTNAME_MISMATCH/

/** A connection that may be made again, or one that will be refused again. */
export function lostOrRefused(broker: string, cause: unknown): Error {
  const { code = '' } = (cause ?? {}) as NodeJS.ErrnoException
  return REFUSED.test(code) ? new AuthenticationError(broker, cause) : new ConnectionLostError(broker, cause)
}
