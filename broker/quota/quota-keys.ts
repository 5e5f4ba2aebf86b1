// The keys of quotas and the entities that they are set for: names, types and bounds of Kafka's QuotaConfig. Pure;
// the controller checks by it, the broker reads by it.

/** What is set for one entity. */
export interface ClientQuotaImage {
  /** By type (`user`, `client-id`, `ip`); null is the default of the type. */
  readonly entity: ReadonlyMap<string, string | null>
  readonly values: ReadonlyMap<string, number>
}

export const ENTITY_TYPES = ['user', 'client-id', 'ip'] as const

interface QuotaKey {
  /** The largest value of a whole number; undefined: any number. */
  wholeUpTo?: { max: number; type: string }
}

const LONG = { max: Number(0x7fffffffffffffffn), type: 'LONG' }
const INT = { max: 0x7fffffff, type: 'INT' }

export const clientQuotaKeys: Readonly<Record<string, QuotaKey>> = {
  producer_byte_rate: { wholeUpTo: LONG },
  consumer_byte_rate: { wholeUpTo: LONG },
  request_percentage: {},
  controller_mutation_rate: {},
}

export const ipQuotaKeys: Readonly<Record<string, QuotaKey>> = {
  connection_creation_rate: { wholeUpTo: INT },
}

/** What is wrong with a value, or undefined. */
export function quotaProblem(
  keys: Readonly<Record<string, QuotaKey>>,
  key: string,
  value: number,
): string | undefined {
  const known = Object.hasOwn(keys, key) ? keys[key] : undefined
  if (known === undefined) return `Invalid configuration key ${key}`
  if (!(value > 0)) return `Quota ${key} must be greater than 0`
  const { wholeUpTo } = known
  if (wholeUpTo === undefined) return undefined
  if (value > wholeUpTo.max) return `Proposed value for ${key} is too large for a ${wholeUpTo.type}.`
  return Math.abs(value % 1) > 1e-6 ? `${key} cannot be a fractional value.` : undefined
}

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/

/** Whether the text is an IPv4 or IPv6 address; names are none. */
export function isAddress(text: string): boolean {
  return IPV4.test(text) || (text.includes(':') && URL.canParse(`http://[${text}]/`))
}
