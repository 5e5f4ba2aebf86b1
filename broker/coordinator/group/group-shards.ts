// The partitions of __consumer_offsets that this broker leads, each a shard with the groups that it keeps. A shard's
// refusal comes out of here as a number, the error code for a reply; only bugs reject.

import { errorCodes } from '../../protocol/errors.ts'
import type { Clock } from '../../time/clock.ts'
import { partitionForHash } from '../java-hash.ts'
import { replyErrorCode } from '../reply-error.ts'
import { ShardRuntime } from '../runtime.ts'
import { CoordinatorError, type ShardLog } from '../shard-log.ts'
import type { Fact, Note } from './facts.ts'
import { GroupMachine } from './group-machine.ts'
import type { Command, Reply } from './messages.ts'
import { groupRecords } from './records.ts'
import type { ShardPorts } from './shard-view.ts'

export interface GroupCoordinatorOptions extends Omit<ShardPorts, 'topicsCreatedAt'> {
  clock: Clock
  /** Partitions of __consumer_offsets. */
  partitionCount: number
  /** A shard closed because of a bug or a record that it cannot understand. */
  onShardFailed?: (partition: number, error: Error) => void
}

type GroupShard = ShardRuntime<Command, Fact, Note, Reply>

export class GroupShards {
  private readonly options: GroupCoordinatorOptions
  private readonly shards = new Map<number, GroupShard>()
  private topicsCreatedAt: bigint
  private closed = false

  constructor(options: GroupCoordinatorOptions) {
    this.options = options
    this.topicsCreatedAt = options.metadata.version
  }

  get isClosed(): boolean {
    return this.closed
  }

  get all(): GroupShard[] {
    return [...this.shards.values()]
  }

  partitionFor(groupId: string): number {
    return partitionForHash(groupId, this.options.partitionCount)
  }

  /**
   * This broker leads a partition of __consumer_offsets: loads its groups. Until the promise resolves they
   * answer COORDINATOR_LOAD_IN_PROGRESS; rejects when the log cannot be understood.
   */
  async open(partition: number, log: ShardLog): Promise<void> {
    const { config, clock, onShardFailed, partitionCount } = this.options
    if (!(partition >= 0 && partition < partitionCount)) {
      throw new Error(`__consumer_offsets has ${partitionCount} partitions, not ${partition}`)
    }
    this.closeShard(partition)
    const shard: GroupShard = new ShardRuntime({
      machine: new GroupMachine({
        ...this.options,
        newUuid: () => this.options.newUuid(),
        topicsCreatedAt: () => this.topicsCreatedAt,
      }),
      codec: groupRecords,
      log,
      clock,
      commitTimeoutMs: config.offsetsCommitTimeoutMs,
      onFailed: (error) => onShardFailed?.(partition, error),
    })
    this.shards.set(partition, shard)
    await shard.load()
  }

  /** Leadership went elsewhere: everyone who waits hears NOT_COORDINATOR. */
  closeShard(partition: number): void {
    this.shards.get(partition)?.close(errorCodes.NOT_COORDINATOR)
    this.shards.delete(partition)
  }

  close(): void {
    this.closed = true
    for (const shard of this.all) shard.close(errorCodes.COORDINATOR_NOT_AVAILABLE)
    this.shards.clear()
  }

  /** The metadata's present version is the one in which topics were last made. */
  topicsCreated(): void {
    this.topicsCreatedAt = this.options.metadata.version
  }

  /** Asks the shard of the group. */
  async ask(groupId: string, command: Command): Promise<Reply | number> {
    if (this.closed) return errorCodes.COORDINATOR_NOT_AVAILABLE
    const shard = this.shards.get(this.partitionFor(groupId))
    if (shard === undefined) return errorCodes.NOT_COORDINATOR
    return await settle(shard, command)
  }

  askAll(command: Command): Promise<(Reply | number)[]> {
    return Promise.all(this.all.map((shard) => settle(shard, command)))
  }
}

async function settle(shard: GroupShard, command: Command): Promise<Reply | number> {
  try {
    return await shard.submit(command)
  } catch (error) {
    if (error instanceof CoordinatorError) return replyErrorCode(error.errorCode)
    throw error
  }
}
