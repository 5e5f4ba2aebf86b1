// The machine of one partition of __share_group_state (design law 1). Whoever reads or writes says in which epoch: a
// leader that has been followed by another, and a writer from before a reset, are fenced.
//
//   initialize  a whole state, in a state epoch that is not lower
//   read        the state; a new leader epoch is written, so that leaders before it are fenced
//   write       what changed; after so many changes the whole state, so that the log before it can go
//
// Source: Kafka's ShareCoordinatorShard.

import { type ErrorCode, errorCodes, errorText } from '../../protocol/errors.ts'
import type { Decision, Machine, RequestId } from '../machine.ts'
import { combine, type StateBatch } from './state-batches.ts'
import {
  type KeptPartition,
  nameOf,
  NO_EPOCH,
  type ShareFact,
  type SharePartitionKey,
  type ShareState,
  UNINITIALIZED_DELIVERY_COMPLETE_COUNT,
  UNINITIALIZED_START_OFFSET,
} from './state.ts'

export interface ShareCoordinatorConfig {
  /** share.coordinator.snapshot.update.records.per.snapshot */
  readonly snapshotUpdateRecordsPerSnapshot: number
  /** share.coordinator.cold.partition.snapshot.interval.ms */
  readonly coldPartitionSnapshotIntervalMs: number
}

export interface ShareMachinePorts {
  readonly config: ShareCoordinatorConfig
  /** How many partitions the topic of this id has; undefined where there is none. */
  partitionCount(topicId: string): number | undefined
}

export type ShareCommand =
  | { kind: 'initialize'; key: SharePartitionKey; stateEpoch: number; startOffset: bigint }
  | { kind: 'read'; key: SharePartitionKey; leaderEpoch: number }
  | {
      kind: 'write'
      key: SharePartitionKey
      stateEpoch: number
      leaderEpoch: number
      startOffset: bigint
      deliveryCompleteCount: number
      batches: readonly StateBatch[]
    }
  | { kind: 'delete'; key: SharePartitionKey }
  | { kind: 'summary'; key: SharePartitionKey }
  | { kind: 'topicsDeleted'; topicIds: ReadonlySet<string> }
  | { kind: 'redundantOffset' }
  | { kind: 'snapshotCold' }

export type ShareReply =
  | { kind: 'refused'; errorCode: ErrorCode; errorMessage: string }
  | { kind: 'done' }
  | { kind: 'state'; state: ShareState }
  | { kind: 'redundantOffset'; offset: bigint | undefined }

type ShareDecision = Decision<ShareFact, never, ShareReply>
type Of<K extends ShareCommand['kind']> = Extract<ShareCommand, { kind: K }>

const SNAPSHOT_COLD = 'snapshotCold'
/** Written in one batch; what is left follows at once. */
const MOST_FACTS_AT_ONCE = 500

export class ShareStateMachine implements Machine<ShareCommand, ShareFact, never, ShareReply> {
  private readonly ports: ShareMachinePorts
  private readonly kept = new Map<string, KeptPartition>()

  constructor(ports: ShareMachinePorts) {
    this.ports = ports
  }

  /** All that is kept, by name, for assertions and tests; not to be changed. */
  get partitions(): ReadonlyMap<string, KeptPartition> {
    return this.kept
  }

  decide(command: ShareCommand, requestId: RequestId, nowMs: number): ShareDecision {
    switch (command.kind) {
      case 'initialize':
        return this.initialize(command, requestId, nowMs)
      case 'read':
        return this.read(command, requestId, nowMs)
      case 'write':
        return this.write(command, requestId, nowMs)
      case 'delete':
        return this.delete(command, requestId)
      case 'summary':
        return this.summary(command, requestId)
      case 'topicsDeleted': {
        const gone = [...this.kept.values()].filter(({ key }) => command.topicIds.has(key.topicId))
        return done(
          requestId,
          gone.map(({ key }) => ({ kind: 'snapshot', key, value: null })),
        )
      }
      case 'redundantOffset':
        return answer(requestId, { kind: 'redundantOffset', offset: this.redundantOffset() })
      case 'snapshotCold':
        return this.snapshotCold(nowMs)
    }
  }

  /** `offset` is the record's own, where it is known. */
  apply(fact: ShareFact, _producer?: unknown, offset?: bigint): void {
    const name = nameOf(fact.key)
    const known = this.kept.get(name)
    if (fact.value === null) {
      this.kept.delete(name)
      return
    }
    const { leaderEpoch } = fact.value
    const fence = Math.max(known?.leaderEpoch ?? leaderEpoch, leaderEpoch)
    if (fact.kind === 'snapshot') {
      const { stateEpoch } = fact.value
      const updates = known?.updatesSinceSnapshot ?? 0
      this.kept.set(name, {
        key: fact.key,
        state: fact.value,
        leaderEpoch: fence,
        stateEpoch: Math.max(known?.stateEpoch ?? stateEpoch, stateEpoch),
        updatesSinceSnapshot: updates >= this.ports.config.snapshotUpdateRecordsPerSnapshot ? 0 : updates,
        snapshotOffset: offset,
      })
      return
    }
    // What lies before the last snapshot may have been deleted: an update can be the first that is left.
    const before: ShareState = known?.state ?? { ...fact.value, ...NEVER_WRITTEN, batches: [] }
    this.kept.set(name, {
      key: fact.key,
      state: merged(before, fact.value),
      leaderEpoch: fence,
      stateEpoch: known?.stateEpoch ?? before.stateEpoch,
      updatesSinceSnapshot: (known?.updatesSinceSnapshot ?? 0) + 1,
      snapshotOffset: known?.snapshotOffset,
    })
  }

  /** Nobody's transaction includes this log; a marker that lands here all the same changes nothing. */
  completeTransaction(): void {}

  expired(timerKey: string): ShareCommand {
    if (timerKey === SNAPSHOT_COLD) return { kind: 'snapshotCold' }
    throw new Error(`no timer is called ${timerKey}`)
  }

  timersAfterReplay(): { key: string; afterMs: number | null }[] {
    return [{ key: SNAPSHOT_COLD, afterMs: this.ports.config.coldPartitionSnapshotIntervalMs }]
  }

  private initialize(command: Of<'initialize'>, requestId: RequestId, nowMs: number): ShareDecision {
    const { key, stateEpoch, startOffset } = command
    const known = this.kept.get(nameOf(key))
    if (key.partition < 0) return refuse(requestId, errorCodes.INVALID_REQUEST, NEGATIVE_PARTITION)
    if (stateEpoch !== NO_EPOCH && known !== undefined && known.stateEpoch > stateEpoch)
      return refuse(requestId, errorCodes.FENCED_STATE_EPOCH)
    if (!this.exists(key)) return refuse(requestId, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    const value: ShareState = {
      snapshotEpoch: known === undefined ? 0 : known.state.snapshotEpoch + 1,
      stateEpoch,
      leaderEpoch: 0,
      startOffset,
      deliveryCompleteCount:
        startOffset === UNINITIALIZED_START_OFFSET ? UNINITIALIZED_DELIVERY_COMPLETE_COUNT : 0,
      batches: [],
      createTimestampMs: nowMs,
      writeTimestampMs: nowMs,
    }
    return done(requestId, [{ kind: 'snapshot', key, value }])
  }

  private read({ key, leaderEpoch }: Of<'read'>, requestId: RequestId, nowMs: number): ShareDecision {
    const known = this.kept.get(nameOf(key))
    if (key.partition < 0) return refuse(requestId, errorCodes.INVALID_REQUEST, NEGATIVE_PARTITION)
    if (known === undefined)
      return refuse(
        requestId,
        errorCodes.INVALID_REQUEST,
        'Read operation on uninitialized share partition not allowed.',
      )
    if (leaderEpoch !== NO_EPOCH && known.leaderEpoch > leaderEpoch)
      return refuse(requestId, errorCodes.FENCED_LEADER_EPOCH)
    if (!this.exists(key)) return refuse(requestId, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    const { state } = known
    const decision = answer(requestId, { kind: 'state', state })
    if (leaderEpoch !== NO_EPOCH && known.leaderEpoch !== leaderEpoch) {
      const { startOffset, deliveryCompleteCount } = state
      decision.facts.push(
        this.change(known, { startOffset, deliveryCompleteCount, batches: [], leaderEpoch }, nowMs),
      )
    }
    return decision
  }

  private write(command: Of<'write'>, requestId: RequestId, nowMs: number): ShareDecision {
    const { key, leaderEpoch, stateEpoch, startOffset, deliveryCompleteCount, batches } = command
    const known = this.kept.get(nameOf(key))
    if (key.partition < 0) return refuse(requestId, errorCodes.INVALID_REQUEST, NEGATIVE_PARTITION)
    if (known === undefined)
      return refuse(
        requestId,
        errorCodes.INVALID_REQUEST,
        'Write operation on uninitialized share partition not allowed.',
      )
    if (leaderEpoch !== NO_EPOCH && known.leaderEpoch > leaderEpoch)
      return refuse(requestId, errorCodes.FENCED_LEADER_EPOCH)
    if (stateEpoch !== NO_EPOCH && known.stateEpoch > stateEpoch)
      return refuse(requestId, errorCodes.FENCED_STATE_EPOCH)
    if (!this.exists(key)) return refuse(requestId, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    const wrong = batches.find(({ firstOffset, lastOffset }) => firstOffset < 0n || lastOffset < firstOffset)
    if (wrong !== undefined)
      return refuse(
        requestId,
        errorCodes.INVALID_REQUEST,
        `A state of records ${wrong.firstOffset} to ${wrong.lastOffset} is none.`,
      )
    // Only a read makes a leader known.
    const { leaderEpoch: current } = known.state
    const change = { startOffset, deliveryCompleteCount, batches, leaderEpoch: current }
    return done(requestId, [this.change(known, change, nowMs)])
  }

  private delete({ key }: Of<'delete'>, requestId: RequestId): ShareDecision {
    if (key.partition < 0) return refuse(requestId, errorCodes.INVALID_REQUEST, NEGATIVE_PARTITION)
    if (!this.exists(key)) return refuse(requestId, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    return done(requestId, this.kept.has(nameOf(key)) ? [{ kind: 'snapshot', key, value: null }] : [])
  }

  private summary({ key }: Of<'summary'>, requestId: RequestId): ShareDecision {
    if (key.partition < 0) return refuse(requestId, errorCodes.INVALID_REQUEST, NEGATIVE_PARTITION)
    if (!this.exists(key)) return refuse(requestId, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    const state = this.kept.get(nameOf(key))?.state ?? UNINITIALIZED
    return answer(requestId, { kind: 'state', state })
  }

  /**
   * Partitions that have not been written whole for long are: they would hold the log's start back. States of topics
   * that are gone go too, where a crash came between a topic's end and theirs.
   */
  private snapshotCold(nowMs: number): ShareDecision {
    const { config, partitionCount } = this.ports
    const { coldPartitionSnapshotIntervalMs } = config
    const isGone = ({ key }: KeptPartition): boolean => partitionCount(key.topicId) === undefined
    const facts: ShareFact[] = [...this.kept.values()]
      .filter(isGone)
      .slice(0, MOST_FACTS_AT_ONCE)
      .map(({ key }) => ({ kind: 'snapshot', key, value: null }))
    const all = [...this.kept.values()].filter((kept) => !isGone(kept))
    // Where every one has been written anew once there is nothing that moves.
    const isQuiet = all.every(({ state }) => state.createTimestampMs !== state.writeTimestampMs)
    for (const { key, state } of isQuiet ? [] : all) {
      if (facts.length >= MOST_FACTS_AT_ONCE) break
      if (nowMs - state.writeTimestampMs < coldPartitionSnapshotIntervalMs) continue
      const value = { ...state, snapshotEpoch: state.snapshotEpoch + 1, writeTimestampMs: nowMs }
      facts.push({ kind: 'snapshot', key, value })
    }
    const afterMs = facts.length === MOST_FACTS_AT_ONCE ? 0 : coldPartitionSnapshotIntervalMs
    return { facts, notes: [], replies: [], timers: [{ key: SNAPSHOT_COLD, afterMs }] }
  }

  private change(
    { key, state, updatesSinceSnapshot }: KeptPartition,
    change: Pick<ShareState, 'startOffset' | 'deliveryCompleteCount' | 'batches' | 'leaderEpoch'>,
    nowMs: number,
  ): ShareFact {
    const { leaderEpoch, startOffset, deliveryCompleteCount, batches } = change
    if (updatesSinceSnapshot < this.ports.config.snapshotUpdateRecordsPerSnapshot) {
      const { snapshotEpoch } = state
      const own = combine([], batches, startOffset)
      return {
        kind: 'update',
        key,
        value: { snapshotEpoch, leaderEpoch, startOffset, deliveryCompleteCount, batches: own },
      }
    }
    const value: ShareState = {
      ...merged(state, change),
      snapshotEpoch: state.snapshotEpoch + 1,
      createTimestampMs: nowMs,
      writeTimestampMs: nowMs,
    }
    return { kind: 'snapshot', key, value }
  }

  /** Everything before it is said again later; undefined: nothing can go. */
  private redundantOffset(): bigint | undefined {
    let lowest: bigint | undefined
    for (const { snapshotOffset } of this.kept.values()) {
      if (snapshotOffset === undefined) return undefined
      if (lowest === undefined || snapshotOffset < lowest) lowest = snapshotOffset
    }
    return lowest === 0n ? undefined : lowest
  }

  private exists({ topicId, partition }: SharePartitionKey): boolean {
    return partition < (this.ports.partitionCount(topicId) ?? 0)
  }
}

const NEGATIVE_PARTITION = 'The partition id cannot be a negative number.'
const NEVER_WRITTEN = { stateEpoch: 0, createTimestampMs: 0, writeTimestampMs: 0 }
const UNINITIALIZED: ShareState = {
  ...NEVER_WRITTEN,
  snapshotEpoch: 0,
  leaderEpoch: 0,
  startOffset: UNINITIALIZED_START_OFFSET,
  deliveryCompleteCount: UNINITIALIZED_DELIVERY_COMPLETE_COUNT,
  batches: [],
}

function merged(
  before: ShareState,
  change: Pick<ShareState, 'startOffset' | 'deliveryCompleteCount' | 'batches' | 'leaderEpoch'>,
): ShareState {
  const startOffset = change.startOffset < 0n ? before.startOffset : change.startOffset
  return {
    ...before,
    startOffset,
    deliveryCompleteCount: change.deliveryCompleteCount,
    leaderEpoch: change.leaderEpoch === NO_EPOCH ? before.leaderEpoch : change.leaderEpoch,
    batches: combine(before.batches, change.batches, startOffset),
  }
}

function answer(to: RequestId, body: ShareReply): ShareDecision {
  return { facts: [], notes: [], replies: [{ to, body }], timers: [] }
}

function done(to: RequestId, facts: ShareFact[]): ShareDecision {
  return { ...answer(to, { kind: 'done' }), facts }
}

function refuse(to: RequestId, errorCode: ErrorCode, errorMessage = errorText(errorCode)): ShareDecision {
  return answer(to, { kind: 'refused', errorCode, errorMessage })
}
