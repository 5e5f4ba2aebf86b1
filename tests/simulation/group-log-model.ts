// What a group shard's log says, followed batch by batch in two ways: by a second machine that only ever
// replays, and by a plain register per committed offset, which knows nothing of the machine's stores.

import type { GroupConfig } from '../../broker/coordinator/group/config.ts'
import type { Fact } from '../../broker/coordinator/group/facts.ts'
import { groupPorts } from '../world/group-ports.ts'
import { GroupMachine } from '../../broker/coordinator/group/group-machine.ts'
import { groupRecords } from '../../broker/coordinator/group/records.ts'
import type { ProducerStamp } from '../../broker/coordinator/machine.ts'
import { type MemoryBatch, type MemoryShardLog, replayBatch } from '../world/memory-shard-log.ts'

interface Register {
  value: bigint
  /** The record's offset: of a plain and a transactional commit the later one counts. */
  position: bigint
}

const ABSENT = -1n

export class GroupLogModel {
  readonly replay: GroupMachine
  private readonly onForgotten: (groupId: string) => void
  /** What lies before was met by the model before the restart. */
  private readonly newsFrom: bigint
  private followed = 0
  private readonly registers = new Map<string, Register>()
  private readonly pending = new Map<bigint, Map<string, Register>>()

  /** `onForgotten` hears of groups that are forgotten from `newsFrom` on. */
  constructor(config: GroupConfig, newsFrom: bigint, onForgotten: (groupId: string) => void) {
    this.newsFrom = newsFrom
    this.replay = new GroupMachine(
      groupPorts({
        config,
        newUuid: () => {
          throw new Error('a replay makes no member ids')
        },
      }),
    )
    this.onForgotten = onForgotten
  }

  /** Comes up to the end of the log; false when it was there already. */
  follow({ batches }: MemoryShardLog): boolean {
    if (this.followed === batches.length) return false
    for (; this.followed < batches.length; this.followed++)
      this.followBatch(batches[this.followed] as MemoryBatch)
    return true
  }

  /** The committed offset, -1 without one. */
  valueOf(groupId: string, topic: string, partition: number): bigint {
    return this.registers.get(keyOf(groupId, topic, partition))?.value ?? ABSENT
  }

  isPending(groupId: string, topic: string, partition: number): boolean {
    const key = keyOf(groupId, topic, partition)
    for (const keys of this.pending.values()) if (keys.has(key)) return true
    return false
  }

  private followBatch(batch: MemoryBatch): void {
    let position = batch.baseOffset
    replayBatch(batch, {
      record: (key, value, producer) => {
        const fact = groupRecords.decode(key, value)
        this.replay.apply(fact, producer)
        this.register(fact, position++, producer)
      },
      marker: (producer, committed) => {
        this.replay.completeTransaction(producer, committed)
        this.complete(producer, committed)
      },
    })
  }

  private register(fact: Fact, position: bigint, producer: ProducerStamp | undefined): void {
    if (fact.kind === 'group') {
      if (fact.value === null && position >= this.newsFrom) this.onForgotten(fact.groupId)
      return
    }
    if (fact.kind !== 'offset') return
    const key = keyOf(fact.groupId, fact.topic, fact.partition)
    if (fact.value === null) {
      this.registers.delete(key)
      for (const keys of this.pending.values()) keys.delete(key)
    } else if (producer === undefined) this.registers.set(key, { value: fact.value.offset, position })
    else {
      const keys = this.pending.get(producer.producerId) ?? new Map<string, Register>()
      this.pending.set(producer.producerId, keys.set(key, { value: fact.value.offset, position }))
    }
  }

  private complete({ producerId }: ProducerStamp, committed: boolean): void {
    const keys = this.pending.get(producerId) ?? []
    this.pending.delete(producerId)
    if (!committed) return
    for (const [key, register] of keys) {
      if (register.position > (this.registers.get(key)?.position ?? -1n)) this.registers.set(key, register)
    }
  }
}

function keyOf(groupId: string, topic: string, partition: number): string {
  return `${groupId} ${topic}-${partition}`
}
