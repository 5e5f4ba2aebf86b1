// A guard in front of a broker: it asks for TLS and for SASL as Kafka's listeners do, and lets through who passes. The
// server's half of SCRAM stands here by itself, out of RFC 5802, so that the client is not tested against its own words.

import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer as createTcp, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTls } from 'node:tls'
import { apiVersions } from '../../broker/protocol/apis/api-versions.ts'
import { saslAuthenticate } from '../../broker/protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../../broker/protocol/apis/sasl-handshake.ts'
import { decodeRequest, decodeResponse } from '../../broker/protocol/codec.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { FrameReader } from '../../broker/protocol/framing.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeResponseFrame,
  type RequestHeader,
} from '../../broker/protocol/header.ts'

export interface GuardOptions {
  readonly tls?: { readonly asksForCertificate?: boolean; readonly isElsewhere?: boolean }
  readonly sasl?: {
    readonly mechanism: string
    readonly username: string
    readonly password: string
    readonly sessionLifetimeMs?: bigint
    /** Says yes to everybody, and cannot prove that it knows the password. */
    readonly isImpostor?: boolean
  }
}

type CertificateFile = 'authority.pem' | `${'client' | 'server' | 'elsewhere'}.${'pem' | 'key'}`

/** PEM of the certificates of tests. */
export function certificate(name: CertificateFile): string {
  return readFileSync(join(import.meta.dirname, 'certificates', name), 'utf8')
}

const ITERATIONS = 4096
const SALT = Buffer.from('a salt of the tests')

export class Guard {
  target = 0
  /** Connections that passed, and requests of those that did not. */
  admitted = 0
  turnedAway = 0
  private readonly options: GuardOptions
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor(options: GuardOptions) {
    this.options = options
    const { tls } = options
    const serve = (socket: Socket) => this.serve(socket)
    this.server =
      tls === undefined
        ? createTcp(serve)
        : createTls(
            {
              cert: certificate(tls.isElsewhere ? 'elsewhere.pem' : 'server.pem'),
              key: certificate(tls.isElsewhere ? 'elsewhere.key' : 'server.key'),
              ca: certificate('authority.pem'),
              requestCert: tls.asksForCertificate ?? false,
              rejectUnauthorized: tls.asksForCertificate ?? false,
            },
            serve,
          )
    this.server.on('tlsClientError', () => this.turnedAway++)
  }

  static async start(options: GuardOptions): Promise<Guard> {
    const guard = new Guard(options)
    await new Promise<void>((resolve) => guard.server.listen(0, '127.0.0.1', resolve))
    return guard
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }

  private serve(client: Socket): void {
    const upstream = connect(this.target, '127.0.0.1')
    const asked: RequestHeader[] = []
    const { sasl } = this.options
    const session = sasl === undefined ? undefined : new ServerExchange(sasl)
    if (session === undefined) this.admitted++
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    const requests = new FrameReader({
      onFrame: (frame) => {
        const header = decodeRequestHeader(frame)
        const { apiKey, apiVersion, correlationId } = header
        if (apiKey === saslHandshake.key && session !== undefined) {
          const { mechanism } = decodeRequest(saslHandshake, apiVersion, frame, header.bodyStart)
          const answer = session.begin(mechanism)
          client.write(Buffer.concat(encodeResponseFrame(saslHandshake, apiVersion, correlationId, answer)))
        } else if (apiKey === saslAuthenticate.key && session !== undefined) {
          const { authBytes } = decodeRequest(saslAuthenticate, apiVersion, frame, header.bodyStart)
          const answer = session.next(Buffer.from(authBytes).toString())
          if (session.isDone) this.admitted++
          client.write(
            Buffer.concat(encodeResponseFrame(saslAuthenticate, apiVersion, correlationId, answer)),
          )
        } else if (apiKey === apiVersions.key || (session?.isDone ?? true)) {
          asked.push(header)
          upstream.write(framed(frame))
        } else {
          this.turnedAway++
          end()
        }
      },
    })
    const replies = new FrameReader({
      onFrame: (frame) => {
        const { api, apiVersion } = asked.shift() as RequestHeader
        client.write(
          api === apiVersions && session !== undefined ? withSasl(frame, apiVersion) : framed(frame),
        )
      },
    })
    client.on('data', (chunk: Buffer) => requests.push(chunk))
    upstream.on('data', (chunk: Buffer) => replies.push(chunk))
    for (const socket of [client, upstream]) {
      this.sockets.add(socket)
      socket.on('error', end).on('close', () => {
        this.sockets.delete(socket)
        end()
      })
    }
  }
}

/** PLAIN and SCRAM as a broker has them. */
class ServerExchange {
  isDone = false
  private readonly sasl: NonNullable<GuardOptions['sasl']>
  private begun: { clientFirst: string; serverFirst: string } | undefined

  constructor(sasl: NonNullable<GuardOptions['sasl']>) {
    this.sasl = sasl
  }

  begin(mechanism: string) {
    const isKnown = mechanism === this.sasl.mechanism
    return {
      errorCode: isKnown ? errorCodes.NONE : errorCodes.UNSUPPORTED_SASL_MECHANISM,
      mechanisms: [this.sasl.mechanism],
    }
  }

  next(token: string) {
    const { sessionLifetimeMs = 0n } = this.sasl
    try {
      const authBytes = Buffer.from(this.sasl.mechanism === 'PLAIN' ? this.plain(token) : this.scram(token))
      return { errorCode: errorCodes.NONE, errorMessage: null, authBytes, sessionLifetimeMs }
    } catch (error) {
      const errorMessage = (error as Error).message
      return { errorCode: errorCodes.SASL_AUTHENTICATION_FAILED, errorMessage, authBytes: Buffer.alloc(0) }
    }
  }

  private plain(token: string): string {
    const { username, password } = this.sasl
    if (token !== `\0${username}\0${password}`) throw new Error('who is that?')
    this.isDone = true
    return ''
  }

  private scram(token: string): string {
    const { username, password, mechanism, isImpostor = false } = this.sasl
    const hash = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512'
    const hmac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest()
    if (this.begun === undefined) {
      const [, name = '', nonce = ''] = /^n,,n=([^,]*),r=(.+)$/.exec(token) ?? []
      if (name.replaceAll('=2C', ',').replaceAll('=3D', '=') !== username) throw new Error('who is that?')
      const serverFirst = `r=${nonce}0fTheServer,s=${SALT.toString('base64')},i=${ITERATIONS}`
      this.begun = { clientFirst: token.slice('n,,'.length), serverFirst }
      return serverFirst
    }
    const [, withoutProof = '', proof = ''] = /^(.*),p=(.*)$/.exec(token) ?? []
    const message = `${this.begun.clientFirst},${this.begun.serverFirst},${withoutProof}`
    const salted = pbkdf2Sync(password, SALT, ITERATIONS, hash === 'sha256' ? 32 : 64, hash)
    const storedKey = createHash(hash).update(hmac(salted, 'Client Key')).digest()
    const signature = hmac(storedKey, message)
    const key = Buffer.from(Buffer.from(proof, 'base64').map((byte, at) => byte ^ (signature[at] ?? 0)))
    const isRight = createHash(hash).update(key).digest().equals(storedKey)
    if (!isRight && !isImpostor) throw new Error('that is not the password')
    this.isDone = true
    const secret = isImpostor ? Buffer.alloc(32) : hmac(salted, 'Server Key')
    return `v=${hmac(secret, message).toString('base64')}`
  }
}

/** The broker behind does not know that it is guarded: what is served here is added to what it serves. */
function withSasl(frame: Buffer, version: number): Buffer {
  const { correlationId, bodyStart } = decodeResponseHeader(apiVersions, version, frame)
  const answer = decodeResponse(apiVersions, version, frame, bodyStart)
  const added = [saslHandshake, saslAuthenticate].map(({ key, versions: [minVersion, maxVersion] }) => ({
    apiKey: key,
    minVersion,
    maxVersion,
  }))
  const apiKeys = [...answer.apiKeys, ...added]
  return Buffer.concat(encodeResponseFrame(apiVersions, version, correlationId, { ...answer, apiKeys }))
}

export function framed(frame: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(frame.length)
  return Buffer.concat([size, frame])
}
