// A job whose functions can end the thread that they run in: what a worker that ends itself, and an error that
// nobody catches, do to a batch.

import { parentPort, workerData } from 'node:worker_threads'
import { type StreamingContext, textValues } from '../../../../streaming.ts'

export interface DeathParameters {
  /** Shared by all threads: how many more deaths there are to be: by exit, by error, at the start, for want of memory. */
  readonly deathsLeft: Int32Array
  readonly hasState: boolean
  /**
   * Shared by all threads, two for each worker: at the how manieth message from now on it dies, and at the how manieth
   * one from then on the worker that follows it; 0: never.
   */
  readonly messagesLeft: Int32Array
}

export default function build(ssc: StreamingContext, parameters: DeathParameters): void {
  const { deathsLeft, hasState, messagesLeft } = parameters
  if (isWorker() && Atomics.sub(deathsLeft, 2, 1) > 0) exit()
  dieAtMessage(messagesLeft)
  const lines = ssc.createDirectStream('lines', textValues, { startingOffsets: 'earliest' }).map((line) => {
    if (line === 'death by exit' && Atomics.sub(deathsLeft, 0, 1) > 0) exit()
    if (line.startsWith('death') && Atomics.sub(deathsLeft, 3, 1) > 0) fillMemory()
    if (line === 'death by error' && Atomics.sub(deathsLeft, 1, 1) > 0) fail()
    return line
  })
  const words = lines.mapToPair((line): [string, number] => [line, 1])
  lines.toTopic('copies', (line) => ({ key: line, value: line }))
  words
    .reduceByKeyAndWindow((a, b) => a + b, '2s', '1s')
    .toTopic('windows', ([word, count]) => ({ key: word, value: `${word} ${count}` }))
  if (!hasState) return
  words
    .updateStateByKey<number>((values, total) => values.length + (total ?? 0), { name: 'total' })
    .changes()
    .toTopic('totals', ([word, total]) => ({ key: word, value: `${word} ${total}` }))
}

/** The thread ends when it has just begun to do what the driver says. */
function dieAtMessage(messagesLeft: Int32Array): void {
  const { index } = (workerData as { start?: { index: number } } | null)?.start ?? {}
  if (index === undefined) return
  parentPort?.on('message', () => {
    if (Atomics.sub(messagesLeft, index * 2, 1) !== 1) return
    Atomics.store(messagesLeft, index * 2, Atomics.exchange(messagesLeft, index * 2 + 1, 0))
    exit()
  })
}

function isWorker(): boolean {
  return (workerData as { start?: unknown } | null)?.start !== undefined
}

function fillMemory(): void {
  for (const all: number[][] = []; ; ) all.push(Array.from({ length: 100_000 }, (_, i) => i + 0.5))
}

function exit(): void {
  // In a worker it ends the thread, not the process.
  // oxlint-disable-next-line no-restricted-properties
  process.exit(3)
}

function fail(): void {
  setImmediate(() => {
    throw new Error('nobody catches this')
  })
  // The event loop has its turn before the batch is done.
  const until = performance.now() + 20
  while (performance.now() < until);
}
