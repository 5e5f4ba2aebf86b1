// Listener addresses: `NAME://host:port`, where the name stands for a security protocol by the map
// `listener.security.protocol.map`. IPv6 hosts stand in brackets. An empty host is every interface.

import { InvalidConfigError } from './config-def.ts'

export interface Listener {
  name: string
  /** Empty: every interface. */
  host: string
  /** 0 takes a free port. */
  port: number
  securityProtocol: string
}

/** Kafka's numbers of security protocols, as broker registrations carry them. */
export const SECURITY_PROTOCOL_IDS: Readonly<Record<string, number>> = {
  PLAINTEXT: 0,
  SSL: 1,
  SASL_PLAINTEXT: 2,
  SASL_SSL: 3,
}

const FORM = /^([A-Za-z0-9_.-]+):\/\/(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]/\s]*)):(\d{1,5})$/

export function parseProtocolMap(key: string, text: string): ReadonlyMap<string, string> {
  const protocols = new Map<string, string>()
  for (const pair of text.split(',').map((part) => part.trim())) {
    if (pair === '') continue
    const [name = '', protocol = '', more] = pair.split(':').map((part) => part.trim())
    if (name === '' || !(protocol in SECURITY_PROTOCOL_IDS) || more !== undefined) {
      throw new InvalidConfigError(key, `Invalid value ${pair} for configuration ${key}: not NAME:PROTOCOL`)
    }
    protocols.set(name.toUpperCase(), protocol)
  }
  return protocols
}

/** Reads a list of addresses. Names, and non-zero ports on one host, must be distinct. */
export function parseListeners(
  key: string,
  items: readonly string[],
  protocols: ReadonlyMap<string, string>,
): Listener[] {
  const refuse = (item: string, why: string): never => {
    throw new InvalidConfigError(key, `Invalid value ${item} for configuration ${key}: ${why}`)
  }
  const listeners: Listener[] = []
  for (const item of items) {
    const match = FORM.exec(item)
    if (match === null) return refuse(item, 'not NAME://host:port')
    const name = (match[1] as string).toUpperCase()
    const host = match[2] ?? match[3] ?? ''
    const port = Number(match[4])
    if (port > 65535) refuse(item, `there is no port ${port}`)
    const securityProtocol = protocols.get(name)
    if (securityProtocol === undefined) {
      return refuse(item, `listener.security.protocol.map does not say what ${name} is`)
    }
    if (listeners.some((other) => other.name === name)) refuse(item, `the name ${name} is used twice`)
    if (port !== 0 && listeners.some((other) => other.port === port && other.host === host)) {
      refuse(item, `the address ${host}:${port} is used twice`)
    }
    listeners.push({ name, host, port, securityProtocol })
  }
  return listeners
}
