// Spark's way of testing streams: batches in, batches out, as tables, on a clock that the test moves. Each
// batch is one second; time begins on a whole second, so batch n is at START + n seconds.

import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { MemoryProtocol } from '../../../processor/executor/memory-protocol.ts'
import type { SpillOptions } from '../../../processor/rdd/spill-space.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { DStream } from '../../../processor/streams/dstream.ts'

export const START = 1_700_000_000_000
export const SECOND = 1000

export interface World {
  readonly clock: ManualClock
  readonly context: StreamingContext
  readonly commit: MemoryProtocol
  readonly lines: string[]
}

export function newWorld(
  options: SpillOptions & { parallelism?: number; writesFiles?: boolean } = {},
): World {
  const clock = new ManualClock(START)
  const commit = new MemoryProtocol()
  const lines: string[] = []
  const context = new StreamingContext({
    appName: 'tables',
    batchDuration: SECOND,
    clock,
    commit,
    // Time stands still within a batch, so nothing yields and a batch ends within one turn of the loop.
    executor: { monotonicMs: () => clock.now() },
    writeLine: (line) => lines.push(line),
    ...options,
  })
  return { clock, context, commit, lines }
}

/** What the stream yields, by batch number: batches in which it has no data set are absent. */
export type Yielded<U> = Record<number, U[]>

export async function table<T, U>(
  input: T[][],
  operation: (stream: DStream<T>, world: World) => DStream<U>,
  options: { batches?: number; parallelism?: number; partitions?: number } = {},
): Promise<Yielded<U>> {
  const world = newWorld(options)
  const batches = options.batches ?? input.length
  const stream = world.context.queueStream([...input], { numPartitions: options.partitions ?? 1 })
  return run(world, operation(stream, world), batches)
}

export async function run<U>(world: World, stream: DStream<U>, batches: number): Promise<Yielded<U>> {
  const yielded: Yielded<U> = {}
  stream.foreachRDD(async (rdd, time) => {
    yielded[(time.getTime() - START) / SECOND] = (await rdd.collect()) as U[]
  })
  await start(world)
  await world.clock.advance(batches * SECOND)
  await finish(world)
  return yielded
}

export async function start(world: World): Promise<void> {
  await world.context.start()
}

/** Stops, and throws what made a batch fail. */
export async function finish(world: World): Promise<void> {
  await world.context.stop({ graceful: true })
  await world.context.awaitTermination()
}

/** By their text: for rows whose order is of no matter. */
export function byText(a: unknown, b: unknown): number {
  return String(a) < String(b) ? -1 : 1
}
