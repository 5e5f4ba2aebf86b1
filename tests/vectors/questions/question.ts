// A question is one request in one version, as our own codec writes it; its answer is put so that the answers of
// two brokers can be compared: what no two brokers have alike (ids, ports, clocks, wording) is named, not told.

import { encodeRequest } from '../../../broker/protocol/codec.ts'
import type { Api, RequestInput } from '../../../broker/protocol/message.ts'
import { WireClient } from '../../world/wire-client.ts'

export interface Context {
  version: number
  /** Of a topic that the setting made. */
  topicId(topic: string): string
  /** What was last answered to the question of that title, undefined if it was not asked or nothing came. */
  earlier(title: string): unknown
}

export interface Question {
  /** API and what is asked; the versions of one question share it. */
  title: string
  api: Api
  version: number
  body(context: Context): unknown
}

/** The same question in every version from `lowest` to `highest`. */
export function questions<A extends Api>(
  name: string,
  api: A,
  [lowest, highest]: readonly [number, number],
  body: (context: Context) => RequestInput<A>,
): Question[] {
  return Array.from({ length: highest - lowest + 1 }, (_, i) => ({
    title: `${api.name}: ${name}`,
    api,
    version: lowest + i,
    body,
  }))
}

const DEADLINE_MS = 8000
/** Reply fields that say nothing which could be compared, and what stands for them. */
const untold: Record<string, string> = {
  throttleTimeMs: '',
  host: '',
  port: '',
  clusterId: '',
  errorMessage: 'text',
  batchIndexErrorMessage: 'text',
  logDir: 'path',
}

/** The reply as it came, and what it says, plain enough for JSON. */
export async function answer(
  bootstrap: string,
  { api, version, body }: Question,
  topicIds: ReadonlyMap<string, string>,
  earlier: ReadonlyMap<string, unknown>,
): Promise<{ reply?: unknown; said: unknown }> {
  const context: Context = {
    version,
    topicId: (topic) => topicIds.get(topic) ?? '0'.repeat(32),
    earlier: (title) => earlier.get(title),
  }
  const request = body(context) as never
  // What cannot be put is a mistake of the question: better said here than as a connection that closed.
  encodeRequest(api, version, request)
  const namesById = new Map([...topicIds].map(([name, id]) => [id, name]))
  await using client = await WireClient.connect(bootstrap)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<{ said: string }>((resolve) => {
    timer = setTimeout(() => resolve({ said: 'no answer' }), DEADLINE_MS)
  })
  const asked = client
    .request(api, version, request)
    .then((reply) => ({ reply, said: told(reply, namesById) }))
    .catch((error: unknown) => {
      if (error instanceof Error && error.name === 'ConnectionClosedError')
        return { said: 'connection closed' }
      throw error
    })
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Numbers that a broker hands out. */
const handedOut = new Set([
  'producerId',
  'transactionStartTimeMs',
  'sessionId',
  'totalBytes',
  'usableBytes',
  'lastFetchTimestamp',
  'lastCaughtUpTimestamp',
  'logEndOffset',
])
/** How far a metadata log has got says nothing of another's. */
const ofQuorum = new Set(['highWatermark', 'leaderEpoch'])

/** Settings that say where a broker stands. */
const places = new Set([
  'listeners',
  'advertised.listeners',
  'controller.quorum.bootstrap.servers',
  'log.dir',
  'log.dirs',
])

function told(value: unknown, namesById: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'bigint') return String(value)
  if (Buffer.isBuffer(value)) return `${value.length} bytes`
  if (Array.isArray(value)) return value.map((item) => told(item, namesById))
  if (typeof value === 'string' && /^[0-9a-f]{32}$/.test(value) && !/^0+$/.test(value)) {
    return `id of ${namesById.get(value) ?? 'a new topic'}`
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]) => {
      const isPlace = name === 'value' && 'name' in value && places.has(String(value.name))
      const instead = isPlace ? 'a place' : untold[name]
      if (instead === '') return []
      const isCounted = handedOut.has(name) || (ofQuorum.has(name) && 'currentVoters' in value)
      if (isCounted && Number(item) > 0) return [[name, 'handed out']]
      return [[name, instead !== undefined && item !== null && item !== '' ? instead : told(item, namesById)]]
    }),
  )
}
