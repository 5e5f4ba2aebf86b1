// The tables of the state suite as somebody would keep them who has one file and no restart to fear: plain Maps,
// nothing durable, nothing sent. They walk the file with hand-loops.ts and share no code with the processor.

import { walkFile } from './hand-loops.ts'

type SlicingBuffer = Buffer & { utf8Slice(start: number, end: number): string }

export interface TopWordsShape {
  readonly linesPerBatch: number
  /** Batches that the window spans; it slides by one. */
  readonly batches: number
  readonly top: number
}

/** Word counts of a sliding window, moved on batch by batch, and its most frequent words. Returns the lines. */
export function topWordsOfFile(
  file: string,
  block: Buffer,
  { linesPerBatch, batches, top }: TopWordsShape,
  visit: (top: readonly (readonly [string, number])[]) => void,
): number {
  const window = new Map<string, number>()
  const inWindow: Map<string, number>[] = []
  let batch = new Map<string, number>()
  let lines = 0
  const slide = (): void => {
    for (const [word, count] of batch) window.set(word, (window.get(word) ?? 0) + count)
    inWindow.push(batch)
    const old = inWindow.length > batches ? inWindow.shift() : undefined
    for (const [word, count] of old ?? []) {
      const left = (window.get(word) as number) - count
      if (left === 0) window.delete(word)
      else window.set(word, left)
    }
    visit([...window].sort((a, b) => b[1] - a[1]).slice(0, top))
    batch = new Map()
  }
  const seen = walkFile(file, block, (buffer, start, end) => {
    for (const word of (buffer as SlicingBuffer).utf8Slice(start, end).split(' ')) {
      batch.set(word, (batch.get(word) ?? 0) + 1)
    }
    if (++lines % linesPerBatch === 0) slide()
  })
  if (batch.size > 0) slide()
  return seen
}

/** How many values each key has. Keys and values are texts, as the job's rows are. Returns the records. */
export function countKeysOfFile(file: string, block: Buffer, counts: Map<string, number>): number {
  return walkFile(file, block, (buffer, start, end) => {
    // The key stands before the value's length, which takes two bytes for values of 64 to 8191 bytes.
    const keyEnd = start - 2
    const keyStart = keyEnd - KEY_BYTES
    const key = (buffer as SlicingBuffer).utf8Slice(keyStart, keyEnd)
    const value = (buffer as SlicingBuffer).utf8Slice(start, end)
    counts.set(key, (counts.get(key) ?? 0) + (value.length > 0 ? 1 : 0))
  })
}

/** Length of every key of the keyed topic. */
export const KEY_BYTES = 9
