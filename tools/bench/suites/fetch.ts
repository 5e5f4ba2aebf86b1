// Partition.read against readSync of the same bytes into a fresh buffer: what finding the place, walking the
// batch heads and answering cost on top of the read. Hot data: it was just written.

import fs from 'node:fs'
import path from 'node:path'
import type { Partition } from '../../../broker/partition/partition.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { lastOffsetOf, splitPlaces } from '../reference/batch-places.ts'
import { type BatchShape, buildBatches } from '../batches.ts'
import type { Figure, Outcome } from '../figure.ts'
import { alternate } from '../rounds.ts'
import { roundsOf, type SuiteContext } from '../suite.ts'
import { openWorkspace } from '../workspace.ts'

const SHAPES: readonly { name: string; shape: BatchShape; maxBytes: number }[] = [
  { name: '1 MB reads, batches of 1 MB', shape: { valueBytes: 100, records: 10_000 }, maxBytes: 1024 * 1024 },
  { name: '1 MB reads, batches of 10 KB', shape: { valueBytes: 100, records: 100 }, maxBytes: 1024 * 1024 },
  { name: '64 KB reads, batches of 10 KB', shape: { valueBytes: 100, records: 100 }, maxBytes: 64 * 1024 },
]
const LOG_BYTES = 48e6
const MB = 1e6

export async function fetch(context: SuiteContext): Promise<Outcome[]> {
  const figures: Figure[] = []
  for (const { name, shape, maxBytes } of SHAPES)
    figures.push(await fetchShape(context, name, shape, maxBytes))
  return figures
}

async function fetchShape(
  context: SuiteContext,
  name: string,
  shape: BatchShape,
  maxBytes: number,
): Promise<Figure> {
  const directory = path.join(context.directory, 'log')
  const workspace = await openWorkspace(directory, 'os')
  try {
    return await measure(context, name, shape, maxBytes, directory, workspace.partition)
  } finally {
    await workspace.discard()
  }
}

async function measure(
  context: SuiteContext,
  name: string,
  shape: BatchShape,
  maxBytes: number,
  directory: string,
  partition: Partition,
): Promise<Figure> {
  const batches = buildBatches(shape, 64, Date.now())
  for (let bytes = 0, i = 0; bytes < LOG_BYTES; i++) {
    const batch = Buffer.from(batches[i % batches.length] as Buffer)
    const { errorCode } = partition.append(batch, { nowMs: Date.now(), fromClient: true })
    if (errorCode !== errorCodes.NONE) throw new Error(`append failed: ${errorCode}`)
    bytes += batch.length
  }
  const file = path.join(directory, 'bench-0', '00000000000000000000.log')
  const size = fs.statSync(file).size
  const places = splitPlaces(file, maxBytes)
  const fd = fs.openSync(file, 'r')
  let offset = 0n
  let place = 0
  const measured = await alternate(
    {
      // The same reads as ours below, positions known beforehand.
      plain: () => {
        const { position, length } = places[place++ % places.length] as (typeof places)[number]
        const buffer = Buffer.allocUnsafeSlow(Math.min(maxBytes, size - position))
        fs.readSync(fd, buffer, 0, buffer.length, position)
        return length
      },
      ours: () => {
        const read = partition.read({
          fromOffset: offset,
          maxBytes,
          isolation: 'read_uncommitted',
          minOneBatch: true,
        })
        if (read.errorCode !== errorCodes.NONE || read.records.length === 0) {
          throw new Error(`read at ${offset}: error ${read.errorCode}, ${read.records.length} bytes`)
        }
        offset = lastOffsetOf(read.records) + 1n
        if (offset >= partition.highWatermark) offset = 0n
        return read.records.length
      },
    },
    roundsOf(context),
  )
  fs.closeSync(fd)
  return {
    suite: 'fetch',
    name,
    unit: 'MB/s',
    better: 'more',
    value: measured.ours.best / MB,
    reference: { name: 'readSync', value: measured.plain.best / MB },
    noise: measured.ours.noise,
  }
}
