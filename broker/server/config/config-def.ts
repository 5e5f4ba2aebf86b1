// What a configuration key is: its name, type, default, bounds, and whether anything in logmill reads it.
// A key is a TypeScript value, and the typed configuration object is inferred from the tables of keys.
// Values are text, as in a properties file; `parseValue` turns text into a value or says, in Kafka's
// words, why it cannot (source: Kafka's ConfigDef).

export type ConfigType =
  | 'BOOLEAN'
  | 'STRING'
  | 'INT'
  | 'SHORT'
  | 'LONG'
  | 'DOUBLE'
  | 'LIST'
  | 'CLASS'
  | 'PASSWORD'

/** Numbers of DescribeConfigs' `configType`; 0 is for a key that nobody knows. */
export const CONFIG_TYPE_IDS: Record<ConfigType, number> = {
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9,
}
export const UNKNOWN_CONFIG_TYPE_ID = 0

/** A LONG is a bigint here, so that Kafka's "for ever" (2^63-1) survives; typed objects carry numbers. */
export type ConfigValue = boolean | number | bigint | string | readonly string[] | null

export type Importance = 'HIGH' | 'MEDIUM' | 'LOW'

/** How a broker key may change while the broker runs; topic keys always may. */
export type UpdateMode = 'read-only' | 'cluster-wide' | 'per-broker'

/** Returns what is wrong with a value, or undefined. The text follows "Invalid value X for configuration Y: ". */
export type Validator = (value: Exclude<ConfigValue, null>) => string | undefined

export interface ConfigKey<out T = unknown> {
  readonly name: string
  readonly type: ConfigType
  /** As text; null = no value. */
  readonly default: string | null
  readonly validator: Validator | undefined
  readonly importance: Importance
  readonly doc: string
  readonly update: UpdateMode
  /** False: Kafka has it, logmill reads it nowhere; setting it is warned about by name. */
  readonly served: boolean
  /** Types only, never set. */
  readonly valueType?: T
}

export interface KeyOptions {
  validator?: Validator
  importance?: Importance
  update?: UpdateMode
  served?: boolean
}

/** The typed object of a table of keys: LIST as string[], every number as number. */
export type ValuesOf<Keys extends Record<string, ConfigKey>> = {
  -readonly [K in keyof Keys]: Keys[K] extends ConfigKey<infer T> ? T : never
}

export class InvalidConfigError extends Error {
  readonly key: string
  constructor(key: string, message: string) {
    super(message)
    this.name = 'InvalidConfigError'
    this.key = key
  }
}

function key<T>(
  type: ConfigType,
  name: string,
  byDefault: string | null,
  doc: string,
  options: KeyOptions = {},
): ConfigKey<T> {
  return {
    name,
    type,
    default: byDefault,
    validator: options.validator,
    importance: options.importance ?? 'MEDIUM',
    doc,
    update: options.update ?? 'read-only',
    served: options.served ?? true,
  }
}

type Numeric = number | bigint | null
type NumericKey<D> = ConfigKey<D extends null ? number | null : number>

function numeric(type: ConfigType) {
  return <const D extends Numeric>(name: string, byDefault: D, doc: string, options?: KeyOptions) =>
    key(type, name, byDefault === null ? null : textOf(type, byDefault), doc, options) as NumericKey<D>
}

function text<Kind extends string = string>(type: ConfigType) {
  return <const D extends Kind | null>(name: string, byDefault: D, doc: string, options?: KeyOptions) =>
    key(type, name, byDefault, doc, options) as ConfigKey<D extends null ? string | null : string>
}

export const int = numeric('INT')
export const short = numeric('SHORT')
export const long = numeric('LONG')
export const double = numeric('DOUBLE')
export const string = text('STRING')

export function boolean(name: string, byDefault: boolean, doc: string, options?: KeyOptions) {
  return key<boolean>('BOOLEAN', name, String(byDefault), doc, options)
}

export function list<const D extends string | null>(
  name: string,
  byDefault: D,
  doc: string,
  options?: KeyOptions,
) {
  return key('LIST', name, byDefault, doc, options) as ConfigKey<D extends null ? string[] | null : string[]>
}

/** A STRING that is one of few words, typed as such. */
export function oneOf<const W extends string>(
  name: string,
  words: readonly W[],
  byDefault: W,
  doc: string,
  options: KeyOptions = {},
) {
  const validator: Validator = (value) =>
    (words as readonly unknown[]).includes(value) ? undefined : `String must be one of: ${words.join(', ')}`
  return key<W>('STRING', name, byDefault, doc, { ...options, validator })
}

// Validators, each in the words of Kafka's own.

type Bound = number | bigint

export function atLeast(lowest: Bound): Validator {
  return (value) => (isBelow(value, lowest) ? `Value must be at least ${lowest}` : undefined)
}

export function between(lowest: Bound, highest: Bound): Validator {
  return (value) => {
    if (isBelow(value, lowest)) return `Value must be at least ${lowest}`
    return isBelow(highest, value as Bound) ? `Value must be no more than ${highest}` : undefined
  }
}

export function everyOneOf(words: readonly string[]): Validator {
  return (value) => {
    const items = value as readonly string[]
    return items.every((item) => words.includes(item))
      ? undefined
      : `String must be one of: ${words.join(', ')}`
  }
}

function isBelow(value: unknown, bound: Bound): boolean {
  // Mixed comparison of number and bigint is exact in JavaScript.
  return (value as Bound) < bound
}

/** Reads one value; throws InvalidConfigError with Kafka's text. */
export function parseValue(definition: ConfigKey, input: string): Exclude<ConfigValue, null> {
  const { name, type, validator } = definition
  const trimmed = input.trim()
  const refuse = (shown: string, why: string): never => {
    throw new InvalidConfigError(name, `Invalid value ${shown} for configuration ${name}: ${why}`)
  }
  const value = parseText(type, trimmed, (why) => refuse(type === 'PASSWORD' ? '[hidden]' : trimmed, why))
  const wrong = validator?.(value)
  if (wrong !== undefined) refuse(type === 'DOUBLE' ? textOf(type, value) : trimmed, wrong)
  return value
}

const WHOLE = /^[+-]?\d+$/
const RANGES = {
  SHORT: [-32768n, 32767n],
  INT: [-2147483648n, 2147483647n],
  LONG: [-9223372036854775808n, 9223372036854775807n],
} as const

function parseText(
  type: ConfigType,
  input: string,
  refuse: (why: string) => never,
): Exclude<ConfigValue, null> {
  switch (type) {
    case 'BOOLEAN': {
      const word = input.toLowerCase()
      if (word !== 'true' && word !== 'false') return refuse('Expected value to be either true or false')
      return word === 'true'
    }
    case 'SHORT':
    case 'INT':
    case 'LONG': {
      // 20 digits hold every LONG; a longer text is not worth a bigint.
      const value = WHOLE.test(input) && input.length <= 20 ? BigInt(input.replace('+', '')) : undefined
      const [lowest, highest] = RANGES[type]
      if (value === undefined || value < lowest || value > highest)
        return refuse(`Not a number of type ${type}`)
      return type === 'LONG' ? value : Number(value)
    }
    case 'DOUBLE': {
      const value = Number(input)
      if (input === '' || Number.isNaN(value)) return refuse('Not a number of type DOUBLE')
      return value
    }
    case 'LIST':
      // An item that is named twice counts once, as in Kafka.
      return input === '' ? [] : [...new Set(input.split(',').map((item) => item.trim()))]
    case 'STRING':
    case 'CLASS':
    case 'PASSWORD':
      return input
  }
}

/** A value as DescribeConfigs shows it. */
export function textOf(type: ConfigType, value: ConfigValue): string {
  if (value === null) throw new Error('a missing value has no text')
  if (typeof value === 'object') return value.join(',')
  return type === 'DOUBLE' ? javaDouble(value as number) : String(value)
}

/** As Java's Double.toString writes it: 1.0, 0.5, 1.0E7. */
function javaDouble(value: number): string {
  const size = Math.abs(value)
  if (value === 0 || !Number.isFinite(value) || (size >= 1e-3 && size < 1e7)) {
    return Number.isInteger(value) ? `${value}.0` : String(value)
  }
  const [digits = '', exponent] = value.toExponential().split('e')
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}

/** A value as the typed objects carry it: numbers for LONG, "for ever" cut to what a number counts exactly. */
export function plainValue(value: ConfigValue): boolean | number | string | string[] | null {
  if (typeof value === 'bigint') {
    return Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : value)
  }
  return typeof value === 'object' && value !== null
    ? [...value]
    : (value as boolean | number | string | null)
}
