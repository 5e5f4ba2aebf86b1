// `npm run demo`: the broker, the feeder and the job, put together and shown. Ends with exit code 0 on Ctrl-C,
// SIGTERM, or when `--for` is over; started again on the same directory it goes on where it stopped.

import { join, resolve } from 'node:path'
import { type Broker, startBroker } from '../../index.ts'
import { untilSignalled } from '../cli/signals.ts'
import { corpusLines } from './corpus.ts'
import { Feeder } from './feeder.ts'
import { type DemoOptions, parseOptions } from './options.ts'
import { type Snapshot, statusLine, Table } from './table.ts'
import { INPUT_TOPIC, OUTPUT_TOPIC, wordCount } from './word-count.ts'

const CHECKOUT = resolve(import.meta.dirname, '..', '..')
const MAX_LAG = 400_000n

/** What is known of the job so far; filled by its listener, read by the table. */
class Progress {
  readonly totals = new Map<string, number>()
  recent: readonly (readonly [string, number])[] = []
  words = 0
  lines = 0n
  /** Where the job will read next. */
  position = 0n
  recordsPerSecond = 0
  batchMs = 0
  batches = 0

  snapshot(end: bigint, corpusDone: boolean): Snapshot {
    const { words, lines, recordsPerSecond, batchMs, position } = this
    const lag = end > position ? end - position : 0n
    const top = this.recent.map(([word, recent]) => ({
      word,
      recent,
      total: this.totals.get(word) ?? recent,
    }))
    return { lines, words, recordsPerSecond, batchMs, lag, corpusDone, top }
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv)
  await using broker = await open(options)
  const view = broker.logViews.view(INPUT_TOPIC, 0)
  const skip = view.stableEndOffset
  const progress = new Progress()
  const job = wordCount(broker, join(options.data, 'word-count'), {
    onTotals: (changed) => changed.forEach(([word, total]) => progress.totals.set(word, total)),
    onWords: (words) => (progress.words = words),
    onWindow: (top) => (progress.recent = top),
    onBatchCompleted: ({ inputs, records, processingTimeMs = 0 }) => {
      const ranges = Object.values(inputs).flatMap((input) => input.ranges)
      for (const { until } of ranges) if (until > progress.position) progress.position = until
      progress.lines = progress.position
      progress.batchMs = processingTimeMs
      progress.batches++
      progress.recordsPerSecond =
        processingTimeMs > 0 ? (records * 1000) / Math.max(processingTimeMs, 1000) : 0
    },
  })
  announce(broker, options, skip)

  const feeder = new Feeder({
    bootstrapServers: broker.bootstrapServers,
    topic: INPUT_TOPIC,
    lines: corpusLines(options.input, CHECKOUT),
    skip,
    lag: () => view.stableEndOffset - progress.position,
    maxLag: MAX_LAG,
  })
  await job.start()
  const feeding = feeder.run()
  const table = new Table(process.stdout)
  const drawing = setInterval(() => table.show(progress.snapshot(view.stableEndOffset, feeder.done)), 1000)
  try {
    await Promise.race([
      untilSignalled(),
      ...(options.forMs === undefined ? [] : [new Promise((done) => setTimeout(done, options.forMs))]),
      // These end only by failing: a job or a feeder that is done leaves the picture standing.
      job.awaitTermination().then(() => new Promise(() => undefined)),
      feeding.then(() => new Promise(() => undefined)),
    ])
  } finally {
    clearInterval(drawing)
    feeder.stop()
    await feeding.catch(() => undefined)
    await job.stop({ graceful: true })
  }
  summarise(progress.snapshot(view.stableEndOffset, feeder.done), progress, feeder, options)
}

async function open({ listen, data }: DemoOptions): Promise<Broker> {
  const at = listen.lastIndexOf(':')
  const start = (port: number): Promise<Broker> =>
    startBroker({
      host: listen.slice(0, at),
      port,
      dataDir: data,
      topics: { [INPUT_TOPIC]: { partitions: 1 }, [OUTPUT_TOPIC]: { partitions: 1 } },
      config: { 'group.initial.rebalance.delay.ms': 0 },
    })
  try {
    return await start(Number(listen.slice(at + 1)))
  } catch (error) {
    // A demo next to a running broker is fine: it takes a free port and says which.
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return await start(0)
    throw error
  }
}

function announce({ bootstrapServers }: Broker, { data }: DemoOptions, skip: bigint): void {
  const before = skip === 0n ? '' : `, ${skip.toLocaleString('en')} lines are in it already`
  console.log(`broker and processor run on ${bootstrapServers}, data in ${data}${before}`)
  console.log('watch the totals arrive:')
  console.log(
    `  kcat -b ${bootstrapServers} -C -t ${OUTPUT_TOPIC} -o -20 -X isolation.level=read_committed -f '%k %s\\n'\n`,
  )
}

function summarise(snapshot: Snapshot, progress: Progress, feeder: Feeder, { data }: DemoOptions): void {
  console.log(`\n${statusLine(snapshot)}`)
  console.log(
    `${feeder.sent.toLocaleString('en')} lines sent and ${progress.batches} batches committed in this run; start again on ${data} to go on`,
  )
}

try {
  await main()
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
