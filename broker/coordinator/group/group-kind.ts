// What a shard asks of a group whatever its kind (Kafka's Group interface, with the records and commands of the
// kind beside it). A kind is a table of behaviour over plain group values; `kinds.ts` lists them. Groups of a
// kind are made, changed and forgotten by its `apply` alone.

import type { ProducerStamp, RequestId } from '../machine.ts'
import type { GroupDecision, TimerSetting } from './decision.ts'
import type { Fact, Note, OffsetRecord } from './facts.ts'
import type { Command } from './messages.ts'
import type { ShardView } from './shard-view.ts'

/** As ListGroups names and filters it. */
export type GroupType = 'classic' | 'consumer' | 'share' | 'streams'

/** All that groups of every kind have in common. */
export interface Group {
  readonly type: GroupType
  readonly groupId: string
}

export interface EncodedRecord {
  key: Buffer
  value: Buffer | null
}

export interface RecordType {
  /** The int16 before a record's key (Kafka's CoordinatorRecordType). */
  readonly recordType: number
  /** The `kind` of the fact that it is. */
  readonly fact: Fact['kind']
}

/** Who commits, fetches or deletes offsets in a group's name. */
export interface Committer {
  memberId: string
  groupInstanceId: string | null
  /** Generation of a classic member, epoch of the others; negative: none. */
  generationIdOrMemberEpoch: number
  /** Of OffsetCommit or TxnOffsetCommit. */
  apiVersion: number
}

/** An objection to one partition of a commit (Kafka's CommitPartitionValidator); one refuses the whole request. */
export type PartitionCheck = (topicId: string, partition: number, topic: string) => number | undefined

/**
 * `G` is the group, `C` its commands, `Change` the facts and notes that touch it. Every refusal is an error code
 * of the protocol; undefined is "no objection".
 */
export interface GroupKind<G extends Group, C extends Command = Command, Change = Fact | Note> {
  readonly type: GroupType

  /** `kind`s of the commands that `decide` takes. */
  readonly commands: readonly C['kind'][]
  decide(shard: ShardView, command: C, requestId: RequestId, nowMs: number): GroupDecision

  /** Timer keys begin with one of these letters, no two kinds with the same (`timers.ts`). */
  readonly timers: Readonly<Record<string, (groupId: string, rest: string) => Command>>
  /** What a group needs after a replay: sessions begin anew, as nobody could heartbeat while the shard loaded. */
  timersAfterReplay(shard: ShardView, group: G): TimerSetting[]

  readonly records: readonly RecordType[]
  encode(fact: Fact): EncodedRecord
  decode(recordType: number, key: Buffer, value: Buffer | null): Fact
  /** `kind`s of the notes that `apply` takes, besides the facts of `records`. */
  readonly notes: readonly Note['kind'][]
  /**
   * The only mutator. `group` is undefined where there is none, or only a simple one (which holds nothing but
   * offsets and gives way); returns the group as it is from now on, undefined when it is forgotten. A tombstone
   * for what is not there is nothing: compaction keeps tombstones longer than what they bury. Throws for a fact
   * that does not fit the state: then log and state differ.
   */
  apply(group: G | undefined, change: Change, groupId: string, producer?: ProducerStamp): G | undefined

  /** As ListGroups and the describe APIs name the state. */
  stateName(group: G): string
  protocolType(group: G): string
  isEmpty(group: G): boolean
  isSubscribedTo(group: G, topic: string): boolean
  /** Whether a change of the topic is the group's business, where that is more than what it is subscribed to. */
  dependsOn?(group: G, topic: string): boolean

  refuseCommit(group: G, committer: Committer, transactional: boolean): number | PartitionCheck | undefined
  /** `memberId` null and a negative epoch: an admin client, or one from before member epochs. */
  refuseFetch(group: G, memberId: string | null, memberEpoch: number): number | undefined
  refuseOffsetDelete(group: G): number | undefined
  refuseDelete(group: G): number | undefined
  /** Sessions that go on because a member committed. */
  sessionsOnCommit(group: G, memberId: string): TimerSetting[]
  /** From when on an offset's retention counts; null: it never expires while the group is as it is. */
  expiryStart(group: G): ((value: OffsetRecord) => number) | null
  /** Whether the group goes with its last offset. */
  mayExpire(group: G): boolean
  /** Everything that forgets the group itself (not its offsets), and the timers to cancel. */
  forget(group: G): { facts: Fact[]; timers: TimerSetting[] }
}
