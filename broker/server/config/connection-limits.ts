// How many connections one address may have: max.connections.per.ip, and what was set for single addresses. Names of hosts
// are not looked up: an override holds for the address as it is written.

const HOST = /^\[?[-\w.:%]+\]?$/

/** `address:count,address:count`; undefined for a text that is none. */
export function parseConnectionOverrides(text: string): Map<string, number> | undefined {
  const overrides = new Map<string, number>()
  for (const item of text.split(',').map((one) => one.trim())) {
    if (item === '') continue
    const at = item.lastIndexOf(':')
    const [address, count] = [item.slice(0, at).trim(), item.slice(at + 1).trim()]
    if (at <= 0 || !HOST.test(address) || !/^\d{1,10}$/.test(count)) return undefined
    overrides.set(address.replace(/^\[|\]$/g, ''), Number(count))
  }
  return overrides
}

/** The most connections of the address `ip`, an IPv4 one as a.b.c.d. */
export function connectionsFrom(
  ip: string,
  limits: { maxConnectionsPerIp: number; maxConnectionsPerIpOverrides: string },
): number {
  const { maxConnectionsPerIp, maxConnectionsPerIpOverrides } = limits
  if (maxConnectionsPerIpOverrides === '') return maxConnectionsPerIp
  const overrides = parseConnectionOverrides(maxConnectionsPerIpOverrides)
  return overrides?.get(ip) ?? maxConnectionsPerIp
}
