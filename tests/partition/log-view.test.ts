// What the processor sees of a partition: rows that are committed and durable, in whole batches, and the
// aborted spans among them.

import { expect, test } from 'vitest'
import { PartitionLogView } from '../../broker/partition/log-view.ts'
import { StorageError } from '../../broker/storage/storage.ts'
import { batchOf, endTransaction, send, sendAs, TOPIC_ID, valuesIn, World } from './fixture.ts'

test('rows count when they are committed and durable', async () => {
  const partition = await new World().open()
  const view = new PartitionLogView(partition)
  expect([view.topic, view.partition, view.topicId]).toEqual(['orders', 0, TOPIC_ID])
  send(partition, 'a')
  expect(view.stableEndOffset).toBe(0n)
  await partition.whenCommitted(0n)
  expect(view.stableEndOffset).toBe(1n)
  sendAs(partition, { producerId: 1n, baseSequence: 0, isTransactional: true }, 'open')
  await partition.whenCommitted(1n)
  expect(view.stableEndOffset).toBe(1n)
})

test('a topic that is not synced by itself is synced for whoever reads it this way', async () => {
  const partition = await new World().open({ durability: 'os' })
  const view = new PartitionLogView(partition)
  const seen: bigint[] = []
  const stop = view.onAdvance(() => seen.push(view.stableEndOffset))
  send(partition, 'a', 'b')
  expect(view.stableEndOffset).toBe(0n)
  while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve))
  expect(seen).toEqual([2n])
  stop()
  send(partition, 'c')
  await partition.whenDurable(2n)
  await Promise.resolve()
  expect(seen).toEqual([2n])
})

test('a cursor fills whole batches up to the bound, and goes on where it stopped', async () => {
  const partition = await new World({ isVolatile: true }).open()
  const view = new PartitionLogView(partition)
  for (const value of ['a', 'b', 'c', 'd']) send(partition, value)
  const cursor = view.cursor(1n)
  const size = batchOf(['a']).length
  const target = Buffer.alloc(2 * size + 10)
  expect(cursor.fill(target, 4n)).toBe(2 * size)
  expect(valuesIn(target.subarray(0, 2 * size))).toEqual(['b', 'c'])
  expect(cursor.nextOffset).toBe(3n)
  expect(cursor.fill(target, 4n)).toBe(size)
  expect(cursor.fill(target, 4n)).toBe(0)
  cursor.close()
  expect(() => view.cursor(0n).fill(Buffer.alloc(10), 4n)).toThrow(RangeError)
})

test('aborted spans are those that overlap, marker included', async () => {
  const partition = await new World({ isVolatile: true }).open()
  const view = new PartitionLogView(partition)
  sendAs(partition, { producerId: 1n, baseSequence: 0, isTransactional: true }, 'a', 'b')
  send(partition, 'plain')
  endTransaction(partition, 1n, false)
  const span = { producerId: 1n, firstOffset: 0n, lastOffset: 3n }
  expect(view.abortedSpans(0n, 4n)).toEqual([span])
  expect(view.abortedSpans(3n, 4n)).toEqual([span])
  expect(view.abortedSpans(4n, 5n)).toEqual([])
  expect(view.offsetForTimestamp(1_700_000_000_000)).toBe(0n)
  expect(view.offsetForTimestamp(1_700_000_000_001)).toBeUndefined()
})

test('the view of an offline partition throws why', async () => {
  const partition = await new World({ isVolatile: true }).open()
  const view = new PartitionLogView(partition)
  partition.fail(new StorageError('orders-0', 'the disk is gone'))
  expect(() => view.cursor(0n)).toThrow('the disk is gone')
  expect(() => view.pin(0n)).toThrow('the disk is gone')
})
