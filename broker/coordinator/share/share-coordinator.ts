// The share coordinator as handlers, share partitions and the group coordinator see it: it finds the shard of a share
// partition and is the one edge where a shard's refusals become error codes. Each share partition is asked for on its
// own, as in Kafka: one that is refused does not refuse its neighbours.

import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import type { Clock, Timer } from '../../time/clock.ts'
import { partitionForHash } from '../java-hash.ts'
import { replyErrorCode } from '../reply-error.ts'
import { ShardRuntime } from '../runtime.ts'
import { CoordinatorError, type ShardLog } from '../shard-log.ts'
import { shareStateRecords } from './records.ts'
import {
  type ShareCommand,
  type ShareMachinePorts,
  type ShareReply,
  ShareStateMachine,
} from './share-state-machine.ts'
import type { ShareFact, SharePartitionKey } from './state.ts'

export interface ShareCoordinatorOptions extends ShareMachinePorts {
  clock: Clock
  /** Partitions of __share_group_state. */
  statePartitionCount: number
  /** share.coordinator.write.timeout.ms */
  writeTimeoutMs: number
  /** share.coordinator.state.topic.prune.interval.ms */
  pruneIntervalMs: number
  /** What lies before `offset` in this partition of __share_group_state is not needed any more. */
  onRedundant: (partition: number, offset: bigint) => void
  /** A shard closed because of a bug or a record that it cannot understand. */
  onShardFailed?: (partition: number, error: Error) => void
}

type Shard = ShardRuntime<ShareCommand, ShareFact, never, ShareReply>
type SharePartitionCommand = Extract<ShareCommand, { key: SharePartitionKey }>

export class ShareCoordinator {
  private readonly options: ShareCoordinatorOptions
  private readonly shards = new Map<number, Shard>()
  private pruneTimer: Timer | undefined
  private closed = false

  constructor(options: ShareCoordinatorOptions) {
    this.options = options
  }

  /** The partition of __share_group_state that keeps a share partition. */
  partitionFor(key: SharePartitionKey): number {
    return partitionForHash(coordinatorKey(key), this.options.statePartitionCount)
  }

  /** This broker leads a partition of __share_group_state. Rejects when the log cannot be understood. */
  async openShard(partition: number, log: ShardLog): Promise<void> {
    const { clock, writeTimeoutMs, statePartitionCount, onShardFailed } = this.options
    if (!(partition >= 0 && partition < statePartitionCount))
      throw new Error(`__share_group_state has ${statePartitionCount} partitions, not ${partition}`)
    this.shards.get(partition)?.close(errorCodes.NOT_COORDINATOR)
    const shard: Shard = new ShardRuntime({
      machine: new ShareStateMachine(this.options),
      codec: shareStateRecords,
      log,
      clock,
      commitTimeoutMs: writeTimeoutMs,
      onFailed: (error) => onShardFailed?.(partition, error),
    })
    this.shards.set(partition, shard)
    this.armPruneTimer()
    await shard.load()
  }

  close(): void {
    this.closed = true
    this.pruneTimer?.cancel()
    for (const shard of this.shards.values()) shard.close(errorCodes.COORDINATOR_NOT_AVAILABLE)
    this.shards.clear()
  }

  /** `refused` where the shard refuses, or where there is none. Bugs reject. */
  async ask(command: SharePartitionCommand): Promise<ShareReply> {
    if (this.closed) return refused(errorCodes.COORDINATOR_NOT_AVAILABLE, 'the share coordinator is closed')
    const shard = this.shards.get(this.partitionFor(command.key))
    if (shard === undefined) return refused(errorCodes.NOT_COORDINATOR, 'not loaded here')
    try {
      return await shard.submit(command)
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error
      return refused(replyErrorCode(error.errorCode), error.message)
    }
  }

  /** Topics were deleted: nobody asks for their share partitions any more. Rejects where a shard's log refuses. */
  async topicsDeleted(topicIds: ReadonlySet<string>): Promise<void> {
    await Promise.all(
      [...this.shards.values()]
        .filter(({ state }) => state === 'active')
        .map((shard) => shard.submit({ kind: 'topicsDeleted', topicIds })),
    )
  }

  private armPruneTimer(): void {
    if (this.closed || this.pruneTimer !== undefined) return
    this.pruneTimer = this.options.clock.setTimer(this.options.pruneIntervalMs, () => {
      this.pruneTimer = undefined
      void this.prune().finally(() => this.armPruneTimer())
    })
  }

  /** The answer comes when all that was looked at is safe: only then may what it replaces go. */
  private async prune(): Promise<void> {
    const { onRedundant } = this.options
    await Promise.all(
      [...this.shards].map(async ([partition, shard]) => {
        if (shard.state !== 'active') return
        try {
          const reply = await shard.submit({ kind: 'redundantOffset' })
          if (reply.kind === 'redundantOffset' && reply.offset !== undefined)
            onRedundant(partition, reply.offset)
        } catch (error) {
          // The next time, then.
          if (!(error instanceof CoordinatorError)) throw error
        }
      }),
    )
  }
}

function refused(errorCode: ErrorCode, errorMessage: string): ShareReply {
  return { kind: 'refused', errorCode, errorMessage }
}

/** Kafka: SharePartitionKey.asCoordinatorKey, with the topic id as Java writes it. */
export function coordinatorKey({ groupId, topicId, partition }: SharePartitionKey): string {
  return `${groupId}:${Buffer.from(topicId, 'hex').toString('base64url')}:${partition}`
}

/** Undefined for a text that names no share partition. */
export function parseCoordinatorKey(text: string): SharePartitionKey | undefined {
  const match = /^(.+):([\w-]{22}):(\d{1,10})$/s.exec(text)
  if (match === null) return undefined
  const [, groupId, topicId, partition] = match as unknown as [string, string, string, string]
  if (Number(partition) > 0x7fffffff) return undefined
  return { groupId, topicId: Buffer.from(topicId, 'base64url').toString('hex'), partition: Number(partition) }
}
