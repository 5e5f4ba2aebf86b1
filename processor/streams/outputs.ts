// The ends of streams. Each runs once per batch in which its stream has a data set, in the order in which
// they were added to the program.

import type { OutputRecord } from '../graph/contracts/output.ts'
import { operatorFailed } from '../graph/errors.ts'
import type { OutputBatch, StreamNode } from '../graph/node.ts'
import { drainShare, type Dataset } from '../rdd/dataset.ts'
import { mapPipe, NarrowDataset } from '../rdd/narrow.ts'
import { PairRDD } from '../rdd/pair-rdd.ts'
import { rowText } from '../sink/row-text.ts'

type Output = (batch: OutputBatch, id: string) => Promise<void>

/** The user's function gets the batch's RDD, its time, and its id: sinks of their own must be idempotent by it. */
export function foreachRDD<K, V>(
  parent: StreamNode<readonly [K, V]>,
  f: (rdd: PairRDD<K, V>, time: Date, batchId: number) => void | Promise<void>,
): Output {
  return async (batch, id) => {
    const rdd = new PairRDD(rowsOf(parent, batch), batch.scope.rddContext(id))
    try {
      await f(rdd, new Date(batch.timeMs), batch.batchId)
    } catch (error) {
      throw operatorFailed(id, error)
    }
  }
}

/** Spark's print: the first rows under a heading with the batch time, and a mark where there are more. */
export function print<T>(parent: StreamNode<T>, rows: number, writeLine: (line: string) => void): Output {
  return foreachRDD<unknown, unknown>(
    parent as StreamNode<readonly [unknown, unknown]>,
    async (rdd, time) => {
      const first = await rdd.take(rows + 1)
      writeLine('-------------------------------------------')
      writeLine(`Time: ${time.getTime()} ms`)
      writeLine('-------------------------------------------')
      for (const row of first.slice(0, rows)) writeLine(rowText(row))
      if (first.length > rows) writeLine('...')
      writeLine('')
    },
  )
}

/** Records into a topic, inside the batch's transaction. */
export function toTopic<T>(parent: StreamNode<T>, topic: string, toRecord: (row: T) => OutputRecord): Output {
  return async (batch, id) => {
    try {
      const writer = await batch.output.writer(id, topic)
      const records = new NarrowDataset(rowsOf(parent, batch), mapPipe(id, toRecord))
      await drainShare(
        records,
        batch.scope.run,
        (record) => {
          try {
            writer.write(record)
          } catch (error) {
            // What is wrong with a record is its row's fault; what the log refuses is not.
            throw error instanceof TypeError || error instanceof RangeError
              ? operatorFailed(id, error)
              : error
          }
        },
        () => (writer.isFull ? writer.flush() : undefined),
      )
      await writer.flush()
    } catch (error) {
      throw operatorFailed(id, error)
    }
  }
}

export function rowsOf<T>(parent: StreamNode<T>, batch: OutputBatch): Dataset<T> {
  const rows = batch.scope.rows(parent, batch.timeMs)
  if (rows === undefined) throw new Error(`'${parent.id}' has no data set at time ${batch.timeMs}`)
  return rows
}
