// Lengths of time as users write them: milliseconds, or text with a unit.

export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Whole milliseconds, above zero; anything else throws, naming `what`. */
export function durationMs(duration: Duration, what: string): number {
  const match = typeof duration === 'number' ? undefined : /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration)
  const ms = typeof duration === 'number' ? duration : Number(match?.[1]) * (unitMs[match?.[2] ?? ''] ?? NaN)
  if (Number.isSafeInteger(ms) && ms > 0) return ms
  throw new TypeError(
    `${what}: a duration is whole milliseconds above 0, or text like '250ms', '5s', '1m': got '${duration}'`,
  )
}
