// The file `quorum-state` beside the metadata log: who leads it, in which epoch, and for whom this node
// voted. JSON, in Kafka's two versions: 0 names the voters, 1 leaves them to the log (KIP-853). It must be
// durable before the first batch of a new epoch is. Source: Kafka's FileQuorumStateStore.

export const QUORUM_STATE_FILE = 'quorum-state'

export interface QuorumState {
  /** -1: not known. */
  leaderId: number
  leaderEpoch: number
  /** Null in version 1. */
  voters: readonly number[] | null
}

export function encodeQuorumState(state: QuorumState & { voters: readonly number[] }): Buffer {
  return Buffer.from(
    JSON.stringify({
      clusterId: '',
      leaderId: state.leaderId,
      leaderEpoch: state.leaderEpoch,
      votedId: -1,
      appliedOffset: 0,
      currentVoters: state.voters.map((voterId) => ({ voterId })),
      data_version: 0,
    }),
  )
}

/** What is wrong with the file as text, where something is. */
export function decodeQuorumState(bytes: Buffer): QuorumState | string {
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8'))
  } catch {
    return 'not JSON'
  }
  if (typeof json !== 'object' || json === null) return 'no JSON object'
  const { data_version: version, leaderId, leaderEpoch, currentVoters } = json as Record<string, unknown>
  if (version !== 0 && version !== 1) return `data_version ${String(version)}`
  if (!isInt32(leaderId) || !isInt32(leaderEpoch)) return 'no leaderId or leaderEpoch'
  if (version === 1 || currentVoters === null) return { leaderId, leaderEpoch, voters: null }
  if (!Array.isArray(currentVoters)) return 'no currentVoters'
  const voters = currentVoters.map((voter: { voterId?: unknown } | null) => voter?.voterId)
  return voters.every(isInt32) ? { leaderId, leaderEpoch, voters } : 'a voter without voterId'
}

function isInt32(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 0x7fffffff
}
