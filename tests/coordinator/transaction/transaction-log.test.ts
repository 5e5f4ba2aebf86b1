// The bytes of __transaction_state, laid out by hand from Kafka's schemas (TransactionLogKey,
// TransactionLogValue 0 and 1).

import { expect, test } from 'vitest'
import { partitionSet } from '../../../broker/coordinator/transaction/partition-set.ts'
import type { Transaction } from '../../../broker/coordinator/transaction/transaction.ts'
import { transactionLogCodec } from '../../../broker/coordinator/transaction/transaction-log.ts'

const ongoing: Transaction = {
  transactionalId: 'tx',
  producerId: 0x1122n,
  previousProducerId: -1n,
  nextProducerId: -1n,
  producerEpoch: 3,
  transactionTimeoutMs: 60_000,
  state: 'Ongoing',
  partitions: partitionSet([
    { topic: 'b', partitionIds: [2, 0] },
    { topic: 'a', partitionIds: [1] },
  ]),
  startTimestampMs: 1_700_000_000_000,
  lastUpdateTimestampMs: 1_700_000_000_001,
  clientTransactionVersion: 0,
}
const empty: Transaction = {
  ...ongoing,
  state: 'Empty',
  partitions: new Map(),
  startTimestampMs: -1,
}
/** A decision of transaction.version 2 that used up the epochs. */
const overflown: Transaction = {
  ...ongoing,
  state: 'PrepareCommit',
  previousProducerId: 0x1122n,
  nextProducerId: 0x1133n,
  clientTransactionVersion: 2,
}

const key = '0000 0002 7478'
const head = '0000000000001122 0003 0000ea60'
const times = '0000018bcfe56801 0000018bcfe56800'

const bytes: [name: string, version: 0 | 1, transaction: Transaction, value: string][] = [
  [
    'open, version 0',
    0,
    ongoing,
    `0000 ${head} 01 00000002 0001 61 00000001 00000001 0001 62 00000002 00000000 00000002 ${times}`,
  ],
  [
    'open, version 1',
    1,
    ongoing,
    `0001 ${head} 01 03 02 61 02 00000001 00 02 62 03 00000000 00000002 00 ${times} 00`,
  ],
  [
    'Empty has no partitions, version 0',
    0,
    empty,
    `0000 ${head} 00 ffffffff 0000018bcfe56801 ffffffffffffffff`,
  ],
  ['Empty has no partitions, version 1', 1, empty, `0001 ${head} 00 00 0000018bcfe56801 ffffffffffffffff 00`],
  [
    'the ids before and after, version 1',
    1,
    overflown,
    `0001 ${head} 02 03 02 61 02 00000001 00 02 62 03 00000000 00000002 00 ${times} ` +
      '03 00 08 0000000000001122 01 08 0000000000001133 02 02 0002',
  ],
]

test.each(bytes)('%s', (_, version, transaction, value) => {
  const codec = transactionLogCodec(() => version)
  const record = codec.encode({ type: 'transaction', transaction })
  expect(Buffer.from(record.key).toString('hex')).toBe(key.replaceAll(' ', ''))
  expect(Buffer.from(record.value ?? []).toString('hex')).toBe(value.replaceAll(' ', ''))
  // Whatever is written is read, also under the other transaction.version.
  for (const reader of [transactionLogCodec(() => 0), transactionLogCodec(() => 1)]) {
    expect(reader.decode(record.key, record.value)).toEqual({ type: 'transaction', transaction })
  }
})

test('a tombstone is a key without value', () => {
  const codec = transactionLogCodec(() => 0)
  const record = codec.encode({ type: 'tombstone', transactionalId: 'tx' })
  expect(record.value).toBeNull()
  expect(codec.decode(record.key, null)).toEqual({ type: 'tombstone', transactionalId: 'tx' })
})

test('what only version 1 can say is not lost when the level goes down meanwhile', () => {
  const codec = transactionLogCodec(() => 0)
  const record = codec.encode({ type: 'transaction', transaction: overflown })
  const { previousProducerId: _, ...kept } = overflown
  expect(codec.decode(record.key, record.value)).toMatchObject({ transaction: kept })
})

test('tagged fields of later releases are read over', () => {
  const codec = transactionLogCodec(() => 1)
  const value = hex(`0001 ${head} 00 00 0000018bcfe56801 ffffffffffffffff 01 09 02 0007`)
  expect(codec.decode(hex(key), value)).toEqual({ type: 'transaction', transaction: empty })
})

test.each([
  ['an unknown type of key', '0001 0002 7478', `0000 ${head} 00 ffffffff ${times}`],
  ['an unknown version of the value', key, `0002 ${head} 00 00 ${times} 00`],
  ['an unknown state', key, `0000 ${head} 08 ffffffff ${times}`],
  ['a value cut short', key, `0000 ${head} 01 00000002 0001 61`],
  ['a key cut short', '00', `0000 ${head} 00 ffffffff ${times}`],
  ['more partitions than bytes', key, `0000 ${head} 01 7fffffff 0001 61 00000001 00000001 ${times}`],
])('%s throws: silence would lose a transaction', (_, badKey, badValue) => {
  expect(() => transactionLogCodec(() => 1).decode(hex(badKey), hex(badValue))).toThrow()
})

test('Empty with partitions is never written', () => {
  const transaction: Transaction = { ...ongoing, state: 'Empty' }
  expect(() => transactionLogCodec(() => 0).encode({ type: 'transaction', transaction })).toThrow(
    'is Empty and has',
  )
})

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}
