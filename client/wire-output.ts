// The processor's output port over the wire: the requests that a transactional producer sends, one transaction at a
// time. The same steps as the in-process port (broker/server/in-process-output.ts), and the same promises: what the
// broker acknowledged to acks=all is what "durable" means here.

import { errorCodes } from '../broker/protocol/errors.ts'
import type { OutputPort, OutputSession } from '../processor/ports.ts'
import type { Cluster } from './cluster.ts'
import { KafkaError } from './errors.ts'
import { newEpoch, speaksEpochs } from './transaction-requests.ts'
import { WireSession } from './wire-session.ts'

export class WireOutput implements OutputPort {
  private readonly cluster: Cluster

  constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  async open(transactionalId: string, transactionTimeoutMs: number): Promise<OutputSession> {
    const { cluster } = this
    const terms = {
      transactionalId,
      transactionTimeoutMs,
      byEpoch: await speaksEpochs(cluster, transactionalId),
    }
    const producer = await newEpoch(cluster, terms)
    return new WireSession(cluster, terms, producer)
  }

  /** By the broker's rules of auto-creation. */
  async ensureTopic(topic: string): Promise<number> {
    return this.cluster.untilDone(async () => {
      const { topics } = await this.cluster.metadata([topic], true)
      const [found] = topics
      const errorCode = found?.errorCode ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
      if (errorCode !== errorCodes.NONE) throw new KafkaError(errorCode, `output topic '${topic}'`)
      return found?.partitions.length ?? 0
    })
  }
}
