// An address as people and clients write it: Node reports IPv4 clients of a dual-stack socket as ::ffff:a.b.c.d, while
// limits, quotas and logs speak of a.b.c.d. Whoever takes a socket strips it here, nobody else has to know.

const MAPPED = '::ffff:'

export function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address
}
