// What a co-located processor may read: every topic but the broker's own.

import type { LogView, LogViews } from '../../processor/ports.ts'
import { PartitionLogView } from '../partition/log-view.ts'
import type { Partition } from '../partition/partition.ts'

export interface LogViewsServices {
  topics(): { name: string; isInternal: boolean; partitionCount: number }[]
  partitionCount(topic: string): number
  partition(topic: string, index: number): Partition | undefined
}

export class BrokerLogViews implements LogViews {
  private readonly services: LogViewsServices

  constructor(services: LogViewsServices) {
    this.services = services
  }

  topics(): string[] {
    return this.services
      .topics()
      .filter(({ isInternal }) => !isInternal)
      .map(({ name }) => name)
  }

  partitionCount(topic: string): number {
    return this.services.partitionCount(topic)
  }

  view(topic: string, partition: number): LogView {
    const found = this.services.partition(topic, partition)
    if (found === undefined) throw new Error(`there is no partition ${topic}-${partition}`)
    return new PartitionLogView(found)
  }
}
