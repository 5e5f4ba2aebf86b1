// The record that a dead letter topic gets: the original as it stands in the log, and headers that say where it lay
// and what happened. Everything is a function of the batch, so a rerun writes the same.

import type { OutputRecord } from '../graph/contracts/output.ts'
import type { SourceRecord } from '../graph/contracts/source.ts'
import type { PoisonRecord } from './poison.ts'

/** Headers' names begin so (as those of Kafka Connect with `__connect.errors.`). */
const PREFIX = '__logmill.errors.'
/** A message may quote what it complains of: the letter must not become larger than a topic takes. */
const LONGEST_MESSAGE = 1024

export function deadLetter(original: SourceRecord, poison: PoisonRecord, appName: string): OutputRecord {
  const { topic, partition, offset, operator, error } = poison
  const told = {
    job: appName,
    operator,
    exception: error instanceof Error ? error.name : typeof error,
    message: (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_MESSAGE),
    topic,
    partition: String(partition),
    offset: String(offset),
  }
  const headers = Object.entries(told).map(([name, text]) => [`${PREFIX}${name}`, Buffer.from(text)] as const)
  const { key, value, timestampMs } = original
  return { key, value, timestampMs, headers: [...original.headers, ...headers] }
}
