// Regular expressions that come from clients: RE2 syntax, as Kafka's server has it, matched in linear time, so that
// none can make the broker think for ever.

import { createRequire } from 'node:module'

interface Expression {
  /** The whole text, not a part of it. */
  matches(text: string): boolean
}

let engine: { compile(pattern: string): Expression } | undefined

/** Undefined where the pattern is none. The engine is loaded with the first: most brokers never see one. */
export function linearRegex(pattern: string): Expression | undefined {
  engine ??= (createRequire(import.meta.url)('re2js') as { RE2JS: NonNullable<typeof engine> }).RE2JS
  try {
    return engine.compile(pattern)
  } catch {
    return undefined
  }
}
