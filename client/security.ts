// How a connection is secured: Kafka's client settings of the same words (`security.protocol`, `sasl.mechanism`,
// `ssl.truststore.certificates` …), checked before anything is connected, and what TLS is asked for by them.

import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { type ConnectionOptions as TlsOptions, createSecureContext } from 'node:tls'
import { type Credentials, type SaslMechanism, saslMechanisms } from './sasl.ts'

const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const
export type SecurityProtocol = (typeof protocols)[number]

/** Certificates and keys are PEM, as text or bytes, as in Kafka where `ssl.keystore.type` is PEM. */
export interface SecurityOptions {
  /** Default 'PLAINTEXT'. */
  readonly securityProtocol?: SecurityProtocol
  /** PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; there is no default. */
  readonly saslMechanism?: SaslMechanism
  readonly saslUsername?: string
  readonly saslPassword?: string
  /** Whom to trust instead of the authorities that Node knows. */
  readonly sslTruststoreCertificates?: string | Buffer
  /** The client's own certificate, with those that lead to the authority. */
  readonly sslKeystoreCertificateChain?: string | Buffer
  readonly sslKeystoreKey?: string | Buffer
  /** Of `sslKeystoreKey`. */
  readonly sslKeyPassword?: string
  /** Default 'https': the certificate must be for the host that is connected to. '': it is not looked at. */
  readonly sslEndpointIdentificationAlgorithm?: 'https' | ''
}

export interface Security {
  readonly tls: TlsOptions | undefined
  readonly sasl: { readonly mechanism: SaslMechanism; readonly credentials: Credentials } | undefined
}

/** Throws TypeError where options do not fit together: a password that would not be used is not left unsaid. */
export function securityOf(options: SecurityOptions): Security {
  const { securityProtocol: protocol = 'PLAINTEXT' } = options
  if (!protocols.includes(protocol)) {
    throw new TypeError(`securityProtocol: '${String(protocol)}' is none of ${protocols.join(', ')}`)
  }
  const hasTls = protocol === 'SSL' || protocol === 'SASL_SSL'
  const hasSasl = protocol === 'SASL_PLAINTEXT' || protocol === 'SASL_SSL'
  for (const [name, value] of Object.entries(options)) {
    const isUnused = (/^ssl[A-Z]/.test(name) && !hasTls) || (/^sasl[A-Z]/.test(name) && !hasSasl)
    if (isUnused && value !== undefined) {
      throw new TypeError(`${name} has no meaning where securityProtocol is ${protocol}`)
    }
  }
  return { tls: hasTls ? tlsOf(options) : undefined, sasl: hasSasl ? saslOf(options) : undefined }
}

/** What one connection asks of TLS. */
export function tlsTo(host: string, tls: TlsOptions): TlsOptions {
  // A name is told to the server; an address may not be (RFC 6066).
  return { ...tls, host, ...(isIP(host) === 0 && { servername: host }) }
}

function saslOf(options: SecurityOptions): Security['sasl'] {
  const { saslMechanism: mechanism, saslUsername: username, saslPassword: password } = options
  if (mechanism === undefined || !saslMechanisms.includes(mechanism)) {
    throw new TypeError(`saslMechanism: '${String(mechanism)}' is none of ${saslMechanisms.join(', ')}`)
  }
  if (!username) throw new TypeError('saslUsername is missing')
  if (!password) throw new TypeError('saslPassword is missing')
  if (username.includes('\0') || password.includes('\0')) {
    throw new TypeError('saslUsername and saslPassword cannot hold a NUL')
  }
  return { mechanism, credentials: { username, password } }
}

function tlsOf(options: SecurityOptions): TlsOptions {
  const { sslTruststoreCertificates: ca, sslKeystoreCertificateChain: cert, sslKeystoreKey: key } = options
  const { sslKeyPassword: passphrase, sslEndpointIdentificationAlgorithm: algorithm = 'https' } = options
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError('sslKeystoreCertificateChain and sslKeystoreKey go together')
  }
  if (algorithm !== 'https' && algorithm !== '') {
    throw new TypeError(
      `sslEndpointIdentificationAlgorithm: '${String(algorithm)}' is neither 'https' nor ''`,
    )
  }
  try {
    // Node would take text without a certificate for an authority, and trust nobody.
    if (ca !== undefined) new X509Certificate(ca)
    const secureContext = createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(passphrase !== undefined && { passphrase }),
    })
    // Said outright: else NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would have any certificate do.
    return {
      secureContext,
      rejectUnauthorized: true,
      ...(algorithm === '' && { checkServerIdentity: () => undefined }),
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new TypeError(`the certificates or the key cannot be read: ${reason}`, { cause: error })
  }
}
