// The share partitions in use, by group and partition: loaded by the first who fetches, gone with the partition's
// leadership, or when their state belongs to somebody else by now.

import type { Partition } from '../partition/partition.ts'
import { errorCodes } from '../protocol/errors.ts'
import { type LeaderServices, SharePartitionLeader } from './share-partition-leader.ts'
import type { SharePartitionKey, StateOutcome } from './state-store.ts'

export type SharePartitionsOptions = Omit<LeaderServices, 'onEnded'>

export class SharePartitions {
  private readonly options: SharePartitionsOptions
  private readonly leaders = new Map<string, SharePartitionLeader>()
  private closed = false

  constructor(options: SharePartitionsOptions) {
    this.options = options
  }

  /** How many are in use. */
  get size(): number {
    return this.leaders.size
  }

  get(key: SharePartitionKey): SharePartitionLeader | undefined {
    return this.leaders.get(nameOf(key))
  }

  /** The one in use, or a new one that begins to load. */
  open(key: SharePartitionKey, partition: Partition): SharePartitionLeader {
    const known = this.get(key)
    if (known !== undefined && known.partition === partition && known.leaderEpoch === partition.leaderEpoch)
      return known
    known?.end({ errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER, errorMessage: null })
    const name = nameOf(key)
    const leader = new SharePartitionLeader(key, partition, {
      ...this.options,
      onEnded: (ended) => {
        if (this.leaders.get(name) === ended) this.leaders.delete(name)
      },
    })
    if (this.closed) {
      leader.end({ errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER, errorMessage: null })
      return leader
    }
    this.leaders.set(name, leader)
    void leader.load()
    return leader
  }

  /** A group has no member with a session any more: nobody needs its share partitions in memory. */
  forgetGroup(groupId: string): void {
    for (const leader of this.leaders.values()) if (leader.key.groupId === groupId) leader.end(GONE)
  }

  close(): void {
    this.closed = true
    for (const leader of this.leaders.values()) leader.end(GONE)
  }
}

const GONE: StateOutcome = { errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER, errorMessage: null }

function nameOf({ groupId, topicId, partition }: SharePartitionKey): string {
  return `${topicId}-${partition}:${groupId}`
}
