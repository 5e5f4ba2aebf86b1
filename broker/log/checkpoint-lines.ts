// The shape that Kafka's text checkpoints share: a version line, a count line, then that many entries, and
// nothing else. A file that is not exactly so is damaged as a whole.
//
//   0
//   2
//   <entry>
//   <entry>
//
// Source: Kafka's CheckpointFile.

const VERSION = '0'

export function encodeCheckpointLines(entries: readonly string[]): Buffer {
  return Buffer.from([VERSION, String(entries.length), ...entries, ''].join('\n'), 'utf8')
}

/** The entry lines; undefined where version, count or the last line end is not as written. */
export function decodeCheckpointLines(bytes: Buffer): string[] | undefined {
  const lines = bytes.toString('utf8').split('\n')
  // Every line ends in a line feed: a file cut within its last line is seen by that.
  if (lines.pop() !== '') return undefined
  const [version, count, ...entries] = lines
  if (version !== VERSION || count !== String(entries.length)) return undefined
  return entries
}

const MAX_INT64 = 0x7fffffffffffffffn

/** A decimal without sign, blanks or leading zeroes, at most 2^63 - 1. */
export function parseOffset(text: string): bigint | undefined {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) return undefined
  const offset = BigInt(text)
  return offset <= MAX_INT64 ? offset : undefined
}

/** The same for an int32. */
export function parseInt32(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,9})$/.test(text)) return undefined
  const value = Number(text)
  return value <= 0x7fffffff ? value : undefined
}
