// Which batches are looked at where, and that it makes no difference to what is found.

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  type BatchInspection,
  type IncomingBatch,
  inspectAhead,
} from '../../../broker/handlers/produce/inspect-ahead.ts'
import type { PartitionConfig } from '../../../broker/partition/partition-api.ts'
import { defaultPartitionConfig } from '../../../broker/partition/partition-config.ts'
import { type Inspection, inspectBatch } from '../../../broker/partition/prepare-batch.ts'
import { RecordBatchBuilder } from '../../../broker/protocol/record-batch/builder.ts'
import type { Codec } from '../../../broker/protocol/record-batch/header.ts'

const NOW_MS = 1_700_000_000_000
const MB = 1_000_000

function zeros(codec: Codec, records: number, valueBytes: number): Buffer {
  const builder = new RecordBatchBuilder()
  for (let i = 0; i < records; i++) builder.append(NOW_MS, null, Buffer.alloc(valueBytes))
  return builder.build({ codec })
}

const batchOf = (records: Buffer, config: Partial<PartitionConfig> = {}): IncomingBatch => ({
  records,
  config: { ...defaultPartitionConfig, maxMessageBytes: 100 * MB, ...config },
})

/** Comparing megabytes one by one takes long. */
const inShort = (inspection: Inspection | undefined) =>
  inspection === undefined || 'errorCode' in inspection
    ? inspection
    : { facts: inspection.facts, stored: createHash('sha1').update(inspection.stored).digest('hex') }

class Elsewhere implements BatchInspection {
  turns = 0
  readonly asked: Buffer[] = []
  nextTurn(): Promise<void> {
    this.turns++
    return Promise.resolve()
  }
  elsewhere(records: Buffer, config: PartitionConfig, nowMs: number) {
    this.asked.push(records)
    return Promise.resolve(inspectBatch(records, config, { nowMs, fromClient: true }))
  }
}

const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const

describe('in this turn', () => {
  test('a batch without compression is left to its append', () => {
    const elsewhere = new Elsewhere()
    const batches = [batchOf(zeros('none', 10, 1000)), batchOf(zeros('none', 1, 100_000))]
    expect(inspectAhead(batches, elsewhere, NOW_MS)).toBeUndefined()
  })

  test.each(codecs)('a small batch of %s is decompressed once', (codec) => {
    const batch = batchOf(zeros(codec, 100, 1000))
    const found = inspectAhead([batch], new Elsewhere(), NOW_MS)
    if (found === undefined || found instanceof Promise) throw new Error('it was not looked at now')
    const { records, config } = batch
    const here = inspectBatch(records, config, { nowMs: NOW_MS, fromClient: true })
    expect(inShort(found.get(records, config))).toEqual(inShort(here))
    expect(found.get(records, { ...config }), 'under another configuration').toBeUndefined()
  })

  test('a damaged batch is refused, and not by its size', () => {
    const records = zeros('gzip', 10, 1000)
    records[records.length - 1] = (records[records.length - 1] as number) ^ 1
    const batch = batchOf(records)
    const found = inspectAhead([batch], new Elsewhere(), NOW_MS)
    expect(found).not.toBeInstanceOf(Promise)
  })

  test('a batch beyond max.message.bytes is not decompressed to be refused', () => {
    const batch = batchOf(zeros('gzip', 60, MB), { maxMessageBytes: 1000 })
    const elsewhere = new Elsewhere()
    expect(inspectAhead([batch], elsewhere, NOW_MS)).toBeUndefined()
  })
})

describe('in another thread', () => {
  test.each([
    ...codecs.map((codec): [string, () => IncomingBatch] => [
      `${codec} of 2 MB`,
      () => batchOf(zeros(codec, 2, MB)),
    ]),
    ['plain records of 5 MB', () => batchOf(zeros('none', 50, MB / 10))],
    ['300 KB to be compressed', () => batchOf(zeros('none', 3, MB / 10), { compressionType: 'gzip' })],
    [
      'gzip of 500 KB that becomes zstd',
      () => batchOf(zeros('gzip', 1, MB / 2), { compressionType: 'zstd' }),
    ],
    ['gzip beyond what may be decompressed', () => batchOf(zeros('gzip', 70, MB))],
  ])('%s', async (_, made) => {
    const batch = made()
    const elsewhere = new Elsewhere()
    const found = await inspectAhead([batch], elsewhere, NOW_MS)
    const { records, config } = batch
    expect(elsewhere.asked.map((asked) => asked === records)).toEqual([true])
    const here = inspectBatch(records, config, { nowMs: NOW_MS, fromClient: true })
    expect(inShort(found?.get(records, config))).toEqual(inShort(here))
  })
})

test('many batches, none of them large, are looked at here with turns in between, all of them', async () => {
  const batches = Array.from({ length: 20 }, (_, i) =>
    batchOf(zeros(i % 5 === 0 ? 'none' : 'gzip', 1, MB / 2)),
  )
  const elsewhere = new Elsewhere()
  const found = await inspectAhead(batches, elsewhere, NOW_MS)
  expect(elsewhere.asked.length).toBe(0)
  expect(elsewhere.turns).toBeGreaterThanOrEqual(7)
  const missing = batches.slice(2).filter(({ records, config }) => found?.get(records, config) === undefined)
  expect(missing.length).toBe(0)
})
