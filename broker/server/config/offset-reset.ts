// share.auto.offset.reset: where a share group begins in a partition that it has not read yet. Durations are those of
// Java's Duration.parse: days, hours, minutes and seconds, each with a sign of its own.

export type OffsetReset = { kind: 'earliest' | 'latest' } | { kind: 'by_duration'; durationMs: number }

const DURATION_PREFIX = 'by_duration:'
const DURATION =
  /^([-+]?)P(?:([-+]?\d{1,12})D)?(?:T(?=[-+\d])(?:([-+]?\d{1,12})H)?(?:([-+]?\d{1,12})M)?(?:([-+]?\d{1,12})(?:[.,](\d{0,9}))?S)?)?$/i

/** Undefined for a text that is none, or a duration into the future. */
export function parseOffsetReset(text: string): OffsetReset | undefined {
  const word = text.toLowerCase()
  if (word === 'earliest' || word === 'latest') return { kind: word }
  if (!word.startsWith(DURATION_PREFIX)) return undefined
  const durationMs = parseDuration(text.slice(DURATION_PREFIX.length))
  return durationMs === undefined || durationMs < 0 ? undefined : { kind: 'by_duration', durationMs }
}

function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text)
  if (match === null) return undefined
  const [, sign, days, hours, minutes, seconds, fraction] = match
  if ([days, hours, minutes, seconds].every((part) => part === undefined)) return undefined
  const number = (part: string | undefined): number => Number(part ?? 0)
  const wholeSeconds = number(days) * 86400 + number(hours) * 3600 + number(minutes) * 60 + number(seconds)
  const millis = Number((fraction ?? '').slice(0, 3).padEnd(3, '0'))
  const total = wholeSeconds * 1000 + (seconds?.startsWith('-') ? -millis : millis)
  return sign === '-' ? -total : total
}
