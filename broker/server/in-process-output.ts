// The processor's output port, in-process side: Kafka's ordinary transactions against the real transaction
// coordinator, group coordinator and partitions, without a socket. Nothing here is a short cut: every step is
// the request that a producer would send, so the same job holds against any Kafka through the wire twin. What a
// transaction is made of is in in-process-session.ts.

import type { Features } from '../coordinator/features.ts'
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import type { TransactionCoordinator } from '../coordinator/transaction/transaction-coordinator.ts'
import type { Partition } from '../partition/partition.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import type { Clock } from '../time/clock.ts'
import { InProcessSession } from './in-process-session.ts'
import { failureOf, untilDone } from './output-errors.ts'
import type { OutputPort, OutputSession } from '../../processor/ports.ts'

export interface InProcessOutputServices {
  transactions: TransactionCoordinator
  groups: GroupCoordinator
  clock: Clock
  /** Aborted when the broker stops: nobody will be less busy then. */
  stopping: AbortSignal
  features: Features
  partition(topic: string, index: number): Partition | undefined
  /** Partitions of a topic, creating it by the rules of auto-creation; throws with Kafka's error name. */
  ensureTopic(topic: string): Promise<number>
  /** Resolves when both coordinators have their internal topics and have loaded them. */
  coordinatorsReady(): Promise<void>
}

const INIT_VERSION = 5
/** transaction.version from which on partitions are added implicitly, and a decision raises the epoch (KIP-890). */
const EPOCH_PER_TRANSACTION = 2

export class InProcessOutput implements OutputPort {
  private readonly services: InProcessOutputServices

  constructor(services: InProcessOutputServices) {
    this.services = services
  }

  async open(transactionalId: string, transactionTimeoutMs: number): Promise<OutputSession> {
    await this.services.coordinatorsReady()
    const { transactions, features } = this.services
    // Kept for the whole session: the broker understands both at any level.
    const byEpoch = features.level('transaction.version') >= EPOCH_PER_TRANSACTION
    const request = {
      transactionalId,
      transactionTimeoutMs,
      producerId: -1n,
      producerEpoch: -1,
      enable2Pc: false,
      keepPreparedTxn: false,
    }
    const failure = (errorCode: ErrorCode) => failureOf(transactionalId, errorCode)
    const producer = await untilDone(this.services, failure, async () => {
      const answer = await transactions.initProducerId(request, INIT_VERSION)
      return { errorCode: answer.errorCode, value: answer }
    })
    return new InProcessSession(this.services, { transactionalId, transactionTimeoutMs, byEpoch }, producer)
  }

  ensureTopic(topic: string): Promise<number> {
    return this.services.ensureTopic(topic)
  }
}
