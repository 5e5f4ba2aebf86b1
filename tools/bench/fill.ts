// Filling a topic before it is measured: whole batches, one after the other, until there are enough records.

import { Wire } from './wire.ts'

/** A topic with the batches that `batchAt` gives by their index, its partitions in turn. Returns the records. */
export async function fillTopic(
  bootstrapServers: string,
  topic: string,
  wanted: number,
  batchAt: (index: number) => Buffer,
  partitions = 1,
): Promise<number> {
  const wire = await Wire.connect(bootstrapServers)
  let records = 0
  for (let i = 0; records < wanted; i++) {
    const batch = batchAt(i)
    await wire.produceTo(topic, [i % partitions], batch)
    records += batch.readInt32BE(57)
  }
  wire.close()
  return records
}

/** The same few batches again and again. */
export function inTurnOf(batches: readonly Buffer[]): (index: number) => Buffer {
  return (index) => batches[index % batches.length] as Buffer
}
