// Regular expressions that come from clients: RE2 syntax, as Kafka's server has it, matched in linear time, so that
// none can make the broker think for ever. One that would take too long to compile is none, either.

import { createRequire } from 'node:module'

export interface LinearRegex {
  /** The whole text, not a part of it. */
  matches(text: string): boolean
}

/** About the instructions of a compiled expression: so many take a tenth of a second. */
const MAX_PROGRAM_SIZE = 250_000
/** RE2 takes no more, nested ones multiplied. */
const MAX_REPEATS = 1_000

const require = createRequire(import.meta.url)
let engine: { compile(pattern: string): LinearRegex } | undefined

/** Throws where the pattern is none, and says why. The engine is loaded with the first: most brokers never see one. */
export function compileLinear(pattern: string): LinearRegex {
  if (programSize(pattern) > MAX_PROGRAM_SIZE) throw new Error('expression is too large')
  engine ??= (require('re2js') as { RE2JS: NonNullable<typeof engine> }).RE2JS
  return engine.compile(pattern)
}

/** Undefined where the pattern is none. */
export function linearRegex(pattern: string): LinearRegex | undefined {
  try {
    return compileLinear(pattern)
  } catch {
    return undefined
  }
}

/** At most: as if all of it were repeated as often as the most repeated part. */
function programSize(pattern: string): number {
  let repeats = 1
  for (const [, least, most = ''] of pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g))
    repeats = Math.max(repeats, Number(least), Number(most))
  return pattern.length * Math.min(repeats, MAX_REPEATS)
}
