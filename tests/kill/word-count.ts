// The job under test, as a module that worker threads load too: the running total of every word, each change exactly
// once into a topic and into files, and how often a word came as the first of two, given up when it stays away.

import type { Broker } from '../../broker/server/start-broker.ts'
import { Checkpoint, type CheckpointOptions } from '../../processor/checkpoint/checkpoint.ts'
import { type State, StreamingContext, textValues } from '../../streaming.ts'
import { INPUT_TOPIC, isVisit, OUTPUT_TOPIC, VISITS_TOPIC, VISITS_STEP } from './load.ts'

const VISITS_TIMEOUT_MS = 300

interface Parameters {
  /** Of the directories of batches; undefined: no files. */
  filesPrefix?: string | undefined
}

export interface WordCountOptions extends Parameters {
  /** Worker threads; undefined: batches run in the calling thread. */
  executors?: number | undefined
}

export function wordCount(
  broker: Broker,
  checkpoint: CheckpointOptions,
  { executors, filesPrefix }: WordCountOptions = {},
): StreamingContext {
  const jobParameters: Parameters = { filesPrefix }
  return new StreamingContext({
    appName: 'word-count',
    trigger: 'asap',
    broker,
    commit: new Checkpoint({ output: broker.output, ...checkpoint }),
    parallelism: 2,
    job: new URL(import.meta.url),
    jobParameters,
    ...(executors !== undefined && { executors }),
  })
}

export default function build(context: StreamingContext, { filesPrefix }: Parameters): void {
  const lines = context.createDirectStream(INPUT_TOPIC, textValues, { startingOffsets: 'earliest' })
  const totals = lines
    .flatMap((line) => line.split(' '))
    .mapToPair((word) => [word, 1])
    .updateStateByKey<number>((ones, total) => ones.length + (total ?? 0), { name: 'totals' })
    .changes()
  totals.toTopic(OUTPUT_TOPIC, ([word, total]) => ({ key: word, value: String(total) }))
  if (filesPrefix !== undefined) totals.saveAsTextFiles(filesPrefix)
  lines
    .map((line) => line.split(' '))
    .filter(isVisit)
    .mapToPair(([word]) => [word as string, 1])
    .mapWithState(visit, { name: 'visits', timeout: VISITS_TIMEOUT_MS })
    .toTopic(VISITS_TOPIC, ([word, what]) => ({ key: word, value: what }))
}

function visit(
  word: string,
  value: number | undefined,
  state: State<number>,
): readonly [string, string] | undefined {
  if (value === undefined) return [word, `gone ${state.get()}`]
  const count = (state.getOption() ?? 0) + value
  state.update(count)
  return count % VISITS_STEP === 0 ? [word, `count ${count}`] : undefined
}
