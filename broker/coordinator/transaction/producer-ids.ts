// Hands out producer ids, each once (Kafka's ProducerIdManager). Ids come in blocks that the controller
// has made durable before it gives them out; what is left of a block when the process ends is never used.

import { errorCodes } from '../../protocol/errors.ts'
import { CoordinatorError } from '../shard-log.ts'

export interface ProducerIdBlock {
  firstProducerId: bigint
  /** 1000, as Kafka's controller gives them. */
  blockSize: number
}

/** The port of the coordinator. */
export interface ProducerIds {
  /** Rejects with CoordinatorError COORDINATOR_LOAD_IN_PROGRESS, retriable, when no block could be had. */
  next(): Promise<bigint>
  /** One that is at hand, or undefined: then another block is asked for, and one will be there later. */
  spare(): bigint | undefined
}

export class ProducerIdBlocks implements ProducerIds {
  private readonly allocateBlock: () => Promise<ProducerIdBlock>
  private nextId = 0n
  private blockEnd = 0n
  private arriving: Promise<void> | undefined

  constructor(allocateBlock: () => Promise<ProducerIdBlock>) {
    this.allocateBlock = allocateBlock
  }

  async next(): Promise<bigint> {
    // Others who waited for the same block may have used it up before this one's turn.
    while (this.nextId >= this.blockEnd) await this.anotherBlock()
    return this.nextId++
  }

  spare(): bigint | undefined {
    if (this.nextId < this.blockEnd) return this.nextId++
    // Whoever needs it asks again, and says so if it takes for ever.
    this.anotherBlock().catch(() => {})
    return undefined
  }

  private anotherBlock(): Promise<void> {
    this.arriving ??= this.fetchBlock().finally(() => {
      this.arriving = undefined
    })
    return this.arriving
  }

  private async fetchBlock(): Promise<void> {
    let block: ProducerIdBlock
    try {
      block = await this.allocateBlock()
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new CoordinatorError(
        errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
        `no block of producer ids: ${reason}`,
      )
    }
    const { firstProducerId, blockSize } = block
    if (firstProducerId < this.blockEnd || blockSize < 1) {
      throw new Error(
        `a block of ${blockSize} producer ids at ${firstProducerId}, ids below ${this.blockEnd} were had`,
      )
    }
    this.nextId = firstProducerId
    this.blockEnd = firstProducerId + BigInt(blockSize)
  }
}
