// What is asked about transactions: owning an id, adding, ending, looking and the operator's marker. Nothing is asked
// whose answer hangs on how quickly markers are written.

import { addOffsetsToTxn } from '../../../broker/protocol/apis/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../../broker/protocol/apis/add-partitions-to-txn.ts'
import { describeProducers } from '../../../broker/protocol/apis/describe-producers.ts'
import { describeTransactions } from '../../../broker/protocol/apis/describe-transactions.ts'
import { endTxn } from '../../../broker/protocol/apis/end-txn.ts'
import { initProducerId } from '../../../broker/protocol/apis/init-producer-id.ts'
import { listTransactions } from '../../../broker/protocol/apis/list-transactions.ts'
import { produce } from '../../../broker/protocol/apis/produce.ts'
import { txnOffsetCommit } from '../../../broker/protocol/apis/txn-offset-commit.ts'
import { writeTxnMarkers } from '../../../broker/protocol/apis/write-txn-markers.ts'
import { buildBatch } from '../../../broker/protocol/record-batch/builder.ts'
import { type Context, type Question, questions } from './question.ts'

interface Producer {
  producerId: bigint
  producerEpoch: number
}

const STRANGER: Producer = { producerId: 987_654n, producerEpoch: 0 }

/** Who was last answered to this question. */
function told({ earlier }: Context, title: string): Producer {
  const { producerId = -1n, producerEpoch = -1 } = (earlier(title) ?? {}) as Partial<Producer>
  return { producerId, producerEpoch }
}

const init = (transactionalId: string | null, more: object = {}) => ({
  transactionalId,
  transactionTimeoutMs: 60_000,
  ...more,
})

const ONE = 'InitProducerId: one, the first time'
const OLD = 'InitProducerId: old, which adds by itself'
const NEW = 'InitProducerId: new, which adds nothing'

const owning: Question[] = [
  ...questions('no transactional id', initProducerId, [0, 5], () => init(null)),
  ...questions('an empty transactional id', initProducerId, [0, 5], () => init('')),
  ...questions('a timeout of 0', initProducerId, [0, 5], () => init('a', { transactionTimeoutMs: 0 })),
  ...questions('a timeout too long', initProducerId, [0, 5], () =>
    init('a', { transactionTimeoutMs: 900_001 }),
  ),
  ...questions('each time once more', initProducerId, [0, 5], () => init('each')),
  ...questions('an id without epoch', initProducerId, [3, 5], () => init('each', { producerId: 5n })),
  ...questions('an epoch without id', initProducerId, [3, 5], () => init('each', { producerEpoch: 5 })),
  ...questions('a stranger’s id', initProducerId, [3, 5], () => init('each', STRANGER)),
  ...questions('one, the first time', initProducerId, [5, 5], () => init('one')),
  ...questions('old, which adds by itself', initProducerId, [4, 4], () => init('old')),
  ...questions('new, which adds nothing', initProducerId, [5, 5], () => init('new')),
]

const add = (
  version: number,
  transactionalId: string,
  producer: Producer,
  topic: string,
  verifyOnly = false,
) => {
  const topics = [{ name: topic, partitions: [0] }]
  return version >= 4
    ? { transactions: [{ transactionalId, ...producer, verifyOnly, topics }] }
    : {
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: producer.producerId,
        v3AndBelowProducerEpoch: producer.producerEpoch,
        v3AndBelowTopics: topics,
      }
}
const older = ({ producerId }: Producer): Producer => ({ producerId, producerEpoch: -1 })

const adding: Question[] = [
  ...questions('an id that nobody has', addPartitionsToTxn, [0, 5], ({ version }) =>
    add(version, 'nobody', STRANGER, 'written'),
  ),
  ...questions('an unknown topic', addPartitionsToTxn, [0, 5], (context) =>
    add(context.version, 'old', told(context, OLD), 'unknown'),
  ),
  ...questions('a stranger', addPartitionsToTxn, [0, 5], ({ version }) =>
    add(version, 'old', STRANGER, 'kept'),
  ),
  ...questions('another epoch', addPartitionsToTxn, [0, 5], (context) =>
    add(context.version, 'old', older(told(context, OLD)), 'written'),
  ),
  ...questions('an empty transactional id', addPartitionsToTxn, [0, 5], ({ version }) =>
    add(version, '', STRANGER, 'written'),
  ),
  ...questions('verify what is not there', addPartitionsToTxn, [4, 5], (context) =>
    add(context.version, 'old', told(context, OLD), 'written', true),
  ),
  ...questions('a partition', addPartitionsToTxn, [0, 3], (context) =>
    add(context.version, 'old', told(context, OLD), 'written'),
  ),
  ...questions('verify what is there', addPartitionsToTxn, [4, 5], (context) =>
    add(context.version, 'old', told(context, OLD), 'written', true),
  ),
  ...questions('a group', addOffsetsToTxn, [0, 4], (context) => ({
    transactionalId: 'old',
    groupId: 'g',
    ...told(context, OLD),
  })),
  ...questions('a stranger', addOffsetsToTxn, [0, 4], () => ({
    transactionalId: 'old',
    groupId: 'g',
    ...STRANGER,
  })),
]

const offsets = (transactionalId: string, producer: Producer, groupId = 'g', topic = 'kept') => ({
  transactionalId,
  groupId,
  ...producer,
  topics: [
    { name: topic, partitions: [{ partitionIndex: 0, committedOffset: 3n, committedMetadata: null }] },
  ],
})

const committing: Question[] = [
  ...questions('offsets of a group that was added', txnOffsetCommit, [0, 4], (context) =>
    offsets('old', told(context, OLD)),
  ),
  ...questions('offsets of a group that was not added', txnOffsetCommit, [0, 4], (context) =>
    offsets('new', told(context, NEW)),
  ),
  ...questions('a stranger', txnOffsetCommit, [0, 5], () => offsets('new', STRANGER)),
  ...questions('another epoch', txnOffsetCommit, [0, 5], (context) =>
    offsets('new', older(told(context, NEW))),
  ),
  ...questions('an id that nobody has', txnOffsetCommit, [0, 5], () => offsets('nobody', STRANGER)),
  ...questions('no group', txnOffsetCommit, [0, 5], (context) => offsets('new', told(context, NEW), '')),
  ...questions('an unknown topic', txnOffsetCommit, [0, 5], (context) =>
    offsets('new', told(context, NEW), 'g', 'unknown'),
  ),
]

function write(
  { version, topicId }: Context,
  transactionalId: string | null,
  producer: Producer,
  baseSequence: number,
) {
  const records = buildBatch([{ timestampMs: 1000, key: null, value: Buffer.from('v') }], {
    ...producer,
    baseSequence,
    isTransactional: true,
  })
  const named = version >= 13 ? { topicId: topicId('written') } : { name: 'written' }
  const topicData = [{ ...named, partitionData: [{ index: 0, records }] }]
  return { transactionalId, acks: -1, timeoutMs: 3000, topicData }
}

const writing: Question[] = [
  ...questions('no transactional id', produce, [9, 13], (context) =>
    write(context, null, told(context, NEW), 0),
  ),
  ...questions('not in the transaction', produce, [9, 11], (context) =>
    write(context, 'new', told(context, NEW), 0),
  ),
  ...questions('a stranger’s transaction', produce, [9, 13], (context) => write(context, 'new', STRANGER, 0)),
  ...questions('another epoch of the transaction', produce, [9, 13], (context) =>
    write(context, 'new', older(told(context, NEW)), 0),
  ),
  ...questions('a transaction from nowhere', produce, [12, 13], (context) =>
    write(context, 'new', told(context, NEW), 4),
  ),
  ...questions('a transaction that adds nothing', produce, [12, 12], (context) =>
    write(context, 'new', told(context, NEW), 0),
  ),
  ...questions('a transaction that adds by itself', produce, [9, 9], (context) =>
    write(context, 'old', told(context, OLD), 0),
  ),
]

const list = (more: object) => ({ stateFilters: [], producerIdFilters: [], ...more })

const looking: Question[] = [
  ...questions('three ids', describeTransactions, [0, 0], () => ({
    transactionalIds: ['new', 'nobody', ''],
  })),
  ...questions('open ones of one producer', listTransactions, [0, 2], (context) =>
    list({ stateFilters: ['Ongoing'], producerIdFilters: [told(context, NEW).producerId] }),
  ),
  ...questions('a state that none is in', listTransactions, [0, 2], () => list({ stateFilters: ['Dead'] })),
  ...questions('a state that there is not', listTransactions, [0, 2], () => list({ stateFilters: ['Busy'] })),
  ...questions('open for a long time', listTransactions, [1, 2], () =>
    list({ stateFilters: ['Ongoing'], durationFilter: 86_400_000n }),
  ),
  ...questions('by a pattern', listTransactions, [2, 2], () => list({ transactionalIdPattern: 'n.w' })),
  ...questions('by a pattern of a part', listTransactions, [2, 2], () =>
    list({ transactionalIdPattern: 'ne' }),
  ),
  ...questions('by a pattern that is none', listTransactions, [2, 2], () =>
    list({ transactionalIdPattern: '(' }),
  ),
  ...questions('a topic', describeProducers, [0, 0], () => ({
    topics: [{ name: 'kept', partitionIndexes: [0, 1, 9] }],
  })),
  ...questions('no topic', describeProducers, [0, 0], () => ({
    topics: [
      { name: 'unknown', partitionIndexes: [0] },
      { name: 'bad name', partitionIndexes: [0] },
    ],
  })),
]

const end = (transactionalId: string, producer: Producer, committed: boolean) => ({
  transactionalId,
  ...producer,
  committed,
})

const ending: Question[] = [
  ...questions('an id that nobody has', endTxn, [0, 5], () => end('nobody', STRANGER, true)),
  ...questions('an empty transactional id', endTxn, [0, 5], () => end('', STRANGER, true)),
  ...questions('a stranger', endTxn, [0, 5], () => end('one', STRANGER, true)),
  ...questions('another epoch', endTxn, [0, 5], (context) => end('one', older(told(context, ONE)), true)),
  ...questions('a commit of nothing', endTxn, [0, 5], (context) => end('one', told(context, ONE), true)),
  ...questions('an abort of nothing', endTxn, [0, 4], (context) => end('one', told(context, ONE), false)),
  ...questions('an abort of nothing that raises the epoch', endTxn, [5, 5], (context) =>
    end('one', told(context, ONE), false),
  ),
  ...questions('a commit', endTxn, [4, 4], (context) => end('old', told(context, OLD), true)),
  ...questions('a commit that raises the epoch', endTxn, [5, 5], (context) =>
    end('new', told(context, NEW), true),
  ),
]

const marker = (producer: Producer, topic: string, index: number) => ({
  markers: [
    {
      ...producer,
      coordinatorEpoch: 0,
      transactionResult: false,
      topics: [{ name: topic, partitionIndexes: [index] }],
    },
  ],
})

const marking: Question[] = [
  ...questions('none', writeTxnMarkers, [1, 2], () => ({ markers: [] })),
  ...questions('an unknown topic', writeTxnMarkers, [1, 2], () => marker(STRANGER, 'unknown', 0)),
  ...questions('an unknown partition', writeTxnMarkers, [1, 2], () => marker(STRANGER, 'kept', 9)),
  ...questions('a producer that never wrote there', writeTxnMarkers, [1, 2], () =>
    marker(STRANGER, 'kept', 1),
  ),
  ...questions('no producer', writeTxnMarkers, [1, 2], () =>
    marker({ producerId: -1n, producerEpoch: -1 }, 'kept', 1),
  ),
  ...questions('an older coordinator', writeTxnMarkers, [1, 2], () => ({
    markers: [{ ...marker(STRANGER, 'kept', 1).markers[0]!, coordinatorEpoch: -1 }],
  })),
]

export const transactionQuestions: Question[] = [
  ...owning,
  ...adding,
  ...committing,
  ...writing,
  ...looking,
  ...ending,
  ...marking,
]
