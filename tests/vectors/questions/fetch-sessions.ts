// What is asked in fetch sessions (KIP-227), step by step, and of replicas, order and limits of a fetch.

import { fetch } from '../../../broker/protocol/apis/fetch.ts'
import type { RequestInput } from '../../../broker/protocol/message.ts'
import { type Context, type Question, questions } from './question.ts'

const unknownId = 'deadbeefdeadbeefdeadbeefdeadbeef'
const BY_NAME = 12
const BY_ID = 18

type Ask = RequestInput<typeof fetch>
interface Wanted {
  topic?: string
  partition?: number
  fetchOffset?: bigint
  currentLeaderEpoch?: number
  lastFetchedEpoch?: number
  partitionMaxBytes?: number
}

const named = ({ version, topicId }: Context, topic: string) =>
  version >= 13 ? { topicId: topic === 'unknown' ? unknownId : topicId(topic) } : { topic }

function request(
  context: Context,
  wanted: readonly Wanted[],
  rest: Partial<Ask> & { forget?: readonly Wanted[] } = {},
): Ask {
  const { forget = [], ...whole } = rest
  return {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1_000_000,
    ...(context.version < 15 ? { replicaId: -1 } : {}),
    topics: wanted.map(({ topic = 'kept', partition = 0, fetchOffset = 0n, ...more }) => ({
      ...named(context, topic),
      partitions: [{ partition, fetchOffset, partitionMaxBytes: 1_000_000, ...more }],
    })),
    forgottenTopicsData: forget.map(({ topic = 'kept', partition = 0 }) => ({
      ...named(context, topic),
      partitions: [partition],
    })),
    ...whole,
  }
}

/** A session, step by step; the first step opens it. Its steps are asked one after the other in one version. */
function session(
  name: string,
  version: number,
  steps: readonly { of: string; wanted?: readonly Wanted[]; rest?: Parameters<typeof request>[2] }[],
): Question[] {
  const titleOf = (step: number) => `${name}, ${step}: ${steps[step]?.of ?? ''}`
  return steps.flatMap(({ wanted = [], rest }, step) =>
    questions(titleOf(step), fetch, [version, version], (context) => {
      const opened = context.earlier(`Fetch: ${titleOf(0)}`) as { sessionId: number } | undefined
      const place = step === 0 ? { sessionId: 0 } : { sessionId: opened?.sessionId ?? 0 }
      return request(context, wanted, { ...place, sessionEpoch: step, ...rest })
    }),
  )
}

const end: Wanted = { fetchOffset: 5n }

const inSessions: Question[] = [BY_NAME, BY_ID].flatMap((version) => [
  ...session(`session ${version}`, version, [
    { of: 'opening', wanted: [{}] },
    { of: 'records again', wanted: [] },
    { of: 'at the end', wanted: [end] },
    { of: 'one more partition', wanted: [{ partition: 1 }] },
    { of: 'nothing new' },
    { of: 'a partition that is not there', wanted: [{ partition: 9 }] },
    { of: 'which is still not there' },
    { of: 'is forgotten', rest: { forget: [{ partition: 9 }] } },
    { of: 'one partition twice', wanted: [{ fetchOffset: 0n }, end] },
    { of: 'beyond the end', wanted: [{ fetchOffset: 6n }] },
    { of: 'still beyond it' },
    { of: 'and back', wanted: [end] },
    { of: 'nothing new after it' },
    { of: 'with an epoch that was', rest: { sessionEpoch: 3 } },
    { of: 'which changed nothing', rest: { sessionEpoch: 13 } },
    { of: 'forgetting what it never had', rest: { sessionEpoch: 14, forget: [{ partition: 7 }] } },
    {
      of: 'wanted and forgotten at once',
      wanted: [{ topic: 'doomed' }],
      rest: { sessionEpoch: 15, forget: [{ topic: 'doomed' }] },
    },
    {
      of: 'a diverging epoch',
      wanted: [{ fetchOffset: 40n, lastFetchedEpoch: 0 }],
      rest: { sessionEpoch: 16 },
    },
    { of: 'forgetting all', rest: { sessionEpoch: 17, forget: [{}, { partition: 1 }] } },
    { of: 'which ended it', rest: { sessionEpoch: 18 } },
  ]),
  ...session(`turns ${version}`, version, [
    { of: 'opening', wanted: [{ topic: 'doomed' }, {}, { partition: 1 }], rest: { maxBytes: 1 } },
    { of: 'the other', rest: { maxBytes: 1 } },
    { of: 'the first again', rest: { maxBytes: 1 } },
  ]),
  ...session(`unknown ${version}`, version, [
    { of: 'opening', wanted: [{ topic: 'unknown' }, {}, { topic: 'unknown', partition: 3 }] },
    { of: 'still', wanted: [end] },
    { of: 'still not' },
    { of: 'another full one', rest: { sessionEpoch: 0 }, wanted: [end] },
    { of: 'which ended the first', rest: { sessionEpoch: 3 } },
  ]),
  ...session(`left ${version}`, version, [
    { of: 'opening', wanted: [end] },
    { of: 'leaving', rest: { sessionEpoch: -1 }, wanted: [end] },
    { of: 'which ended it', rest: { sessionEpoch: 1 } },
  ]),
  ...session(`nothing ${version}`, version, [{ of: 'opening' }, { of: 'going on' }]),
])

const mixed: Question[] = [
  ...session('named', 12, [{ of: 'opening', wanted: [end] }]),
  ...questions('a session by name, gone on with by id', fetch, [18, 18], (context) =>
    request(context, [end], {
      sessionId: (context.earlier('Fetch: named, 0: opening') as { sessionId: number }).sessionId,
      sessionEpoch: 1,
    }),
  ),
  ...session('by id', 18, [{ of: 'opening', wanted: [end] }]),
  ...questions('a session by id, gone on with by name', fetch, [12, 12], (context) =>
    request(context, [end], {
      sessionId: (context.earlier('Fetch: by id, 0: opening') as { sessionId: number }).sessionId,
      sessionEpoch: 1,
    }),
  ),
]

const ordered: Question[] = [
  ...questions('one partition twice', fetch, [11, 14], (context) =>
    request(context, [{}, end, { partition: 1 }]),
  ),
  ...questions('topics in turns', fetch, [12, 13], (context) =>
    request(context, [{}, { topic: 'doomed' }, { partition: 1 }]),
  ),
  ...questions('what is refused comes last', fetch, [12, 13], (context) =>
    request(context, [{ partition: 7 }, { fetchOffset: 99n }, { topic: 'unknown' }, { topic: 'doomed' }]),
  ),
  ...[-1, 0, 1].flatMap((maxBytes) =>
    questions(`at most ${maxBytes} bytes`, fetch, [12, 12], (context) =>
      request(context, [{}, { topic: 'doomed' }], { maxBytes }),
    ),
  ),
  ...[-1, 0, 1].flatMap((partitionMaxBytes) =>
    questions(`at most ${partitionMaxBytes} bytes of a partition`, fetch, [12, 12], (context) =>
      request(context, [{ partitionMaxBytes }, { topic: 'doomed', partitionMaxBytes }]),
    ),
  ),
  ...questions('a negative minimum', fetch, [12, 12], (context) =>
    request(context, [end], { minBytes: -1, maxWaitMs: 2000 }),
  ),
  ...questions('an isolation level that there is not', fetch, [12, 13], (context) =>
    request(context, [{}], { isolationLevel: 2 }),
  ),
]

const asReplica = (version: number, replicaId: number): Partial<Ask> =>
  version < 15 ? { replicaId } : { replicaState: { replicaId, replicaEpoch: -1n } }

const replicas: Question[] = [
  ...questions('as a replica', fetch, [4, 18], (context) =>
    request(context, [{}, { partition: 9 }], asReplica(context.version, 2)),
  ),
  ...questions('as a replica that knows the epoch', fetch, [12, 18], (context) =>
    request(context, [{ currentLeaderEpoch: 0 }], asReplica(context.version, 2)),
  ),
  ...questions('as a replica of a later epoch', fetch, [12, 12], (context) =>
    request(context, [{ currentLeaderEpoch: 9 }], asReplica(context.version, 2)),
  ),
  ...questions('as the leader itself', fetch, [12, 12], (context) =>
    request(context, [{}], asReplica(context.version, 1)),
  ),
  ...questions('as a consumer that is debugged', fetch, [12, 12], (context) =>
    request(context, [{}], asReplica(context.version, -2)),
  ),
]

export const fetchSessionQuestions: readonly Question[] = [...inSessions, ...mixed, ...ordered, ...replicas]
