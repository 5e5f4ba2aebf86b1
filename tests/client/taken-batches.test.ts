// What counts of a Fetch reply: batches of committed transactions, whole ones, each once.

import { expect, test } from 'vitest'
import { buildBatch, buildEndTxnMarker } from '../../broker/protocol/record-batch/builder.ts'
import { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'
import { stampBatch } from '../../broker/protocol/record-batch/header.ts'
import { takeBatches } from '../../client/taken-batches.ts'

function batch(baseOffset: bigint, values: readonly string[], producerId?: bigint): Buffer {
  const bytes = buildBatch(values.map((value) => ({ timestampMs: 1, key: null, value: Buffer.from(value) })))
  if (producerId !== undefined) {
    const built = buildBatch(
      values.map((value) => ({ timestampMs: 1, key: null, value: Buffer.from(value) })),
      { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true },
    )
    stampBatch(built, 0, baseOffset, 0)
    return built
  }
  stampBatch(bytes, 0, baseOffset, 0)
  return bytes
}

function marker(offset: bigint, producerId: bigint, commit: boolean): Buffer {
  const bytes = buildEndTxnMarker(producerId, 0, commit, 0, 0)
  stampBatch(bytes, 0, offset, 0)
  return bytes
}

function valuesOf(batches: readonly Buffer[]): string[] {
  const cursor = new RecordCursor()
  return batches.flatMap((bytes) => {
    const values: string[] = []
    cursor.reset(bytes, 0)
    while (cursor.next()) values.push(cursor.value()?.toString() ?? '')
    return values
  })
}

test('an aborted transaction is left out from its first offset to its marker, and the same producer goes on', () => {
  const reply = Buffer.concat([
    batch(0n, ['a'], 7n),
    batch(1n, ['other'], 8n),
    marker(2n, 7n, false),
    batch(3n, ['b'], 7n),
    marker(4n, 7n, true),
    marker(5n, 8n, true),
    batch(6n, ['c'], 7n),
    marker(7n, 7n, false),
    batch(8n, ['plain']),
  ])
  const aborted = [
    { producerId: 7n, firstOffset: 6n },
    { producerId: 7n, firstOffset: 0n },
  ]
  const { batches, nextOffset } = takeBatches(reply, aborted, 0n, 100n)
  expect(valuesOf(batches)).toEqual(['other', 'b', 'plain'])
  expect(nextOffset).toBe(9n)
})

test('a reply that begins inside an aborted transaction leaves it out, too', () => {
  const reply = Buffer.concat([batch(5n, ['no'], 7n), marker(6n, 7n, false), batch(7n, ['yes'], 7n)])
  const { batches } = takeBatches(reply, [{ producerId: 7n, firstOffset: 1n }], 5n, 8n)
  expect(valuesOf(batches)).toEqual(['yes'])
})

test('a batch that is cut off is asked for again, and those behind the range are left', () => {
  const whole = batch(0n, ['a', 'b'])
  const cut = batch(2n, ['c', 'd'])
  expect(takeBatches(Buffer.concat([whole, cut.subarray(0, 70)]), [], 0n, 9n)).toMatchObject({
    nextOffset: 2n,
  })
  const { batches, nextOffset } = takeBatches(Buffer.concat([whole, cut]), [], 0n, 2n)
  expect(valuesOf(batches)).toEqual(['a', 'b'])
  expect(nextOffset).toBe(2n)
  expect(takeBatches(Buffer.alloc(0), [], 4n, 9n)).toEqual({ batches: [], nextOffset: 4n })
})

test.each([
  ['a flipped bit', (bytes: Buffer) => (bytes[65] = (bytes[65] as number) ^ 1), /checksum/],
  ['an old message format', (bytes: Buffer) => (bytes[16] = 1), /magic 1/],
  ['a length of nothing', (bytes: Buffer) => bytes.writeInt32BE(0, 8), /a batch of 12 bytes/],
])('%s is told, not skipped', (_, damage, message) => {
  const bytes = batch(0n, ['a', 'b'])
  damage(bytes)
  expect(() => takeBatches(bytes, [], 0n, 9n)).toThrow(message)
})
