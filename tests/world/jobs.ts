// What tests of jobs do and ask: lines are produced, a reader of committed records sees rows, something has come about.

import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import type { LogViews, OutputPort } from '../../processor/ports.ts'
import { textValues } from '../../processor/source/row-kind.ts'
import { TopicSource } from '../../processor/source/topic-source.ts'
import type { StreamingContext } from '../../processor/streaming-context.ts'

/** Lines by partition, a record each, a batch a partition, in one transaction of their own. */
export async function produceLines(
  output: OutputPort,
  topic: string,
  lines: Readonly<Record<number, readonly string[]>>,
): Promise<void> {
  const session = await output.open('producer', 10_000)
  session.begin()
  for (const [partition, values] of Object.entries(lines)) {
    if (values.length === 0) continue
    const records = values.map((value) => ({ timestampMs: 1, key: null, value: Buffer.from(value) }))
    await session.append(topic, Number(partition), buildBatch(records))
  }
  await session.commit()
  await session.close()
}

/** In the order of partitions and offsets. */
export function committedRows(views: LogViews, topic: string): string[] {
  const source = new TopicSource({ views, topics: topic, rows: textValues, startingOffsets: 'earliest' })
  const rows: string[] = []
  source.start([])
  for (const range of source.plan({ timeMs: 0, intervalMs: undefined, maxRows: undefined }).ranges) {
    const reader = source.rows(range, (row) => rows.push(row))
    while (reader.read(100));
    reader.close()
  }
  source.stop()
  return rows
}

/** Resolves when the condition holds; rejects with what ended the job before. */
export async function until(
  context: StreamingContext | undefined,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  let ended: { error: unknown } | undefined
  context?.awaitTermination().catch((error: unknown) => (ended = { error }))
  while (!(await condition())) {
    if (ended !== undefined) throw ended.error
    await new Promise((resolve) => setImmediate(resolve))
  }
}
