// What tests of jobs ask: which rows a reader of committed records sees, and whether something has come about yet.

import type { LogViews } from '../../processor/ports.ts'
import { textValues } from '../../processor/source/row-kind.ts'
import { TopicSource } from '../../processor/source/topic-source.ts'
import type { StreamingContext } from '../../processor/streaming-context.ts'

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
