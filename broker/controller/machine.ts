// The controller as a machine: `decide` makes a plan of a command and changes nothing, `apply` is the only
// mutator, shared by live traffic and replay. Everything it knows is the image that its facts make.

import type { Decision, Machine, RequestId } from '../coordinator/machine.ts'
import {
  planNextProducerIds,
  planRegisterBroker,
  planSetBrokerFence,
  planUnregisterBroker,
} from './brokers.ts'
import { planAlterClientQuotas } from './client-quotas.ts'
import type { MetadataCommand, MetadataReply, Plan } from './commands.ts'
import { planCreatePartitions, planCreateTopics } from './create-topics.ts'
import { planDeleteTopics } from './delete-topics.ts'
import { planElectLeaders } from './elections.ts'
import type { MetadataFact } from './facts.ts'
import { planBootstrap, planUpdateFeatures } from './features.ts'
import { MetadataImage } from './image.ts'
import type { ConfigRules, ControllerSettings, PlanContext } from './plan-context.ts'
import { planAlterPartitionReassignments } from './reassignments.ts'
import { planSetConfigs } from './set-configs.ts'
import { newTopicId } from './topic-id.ts'

export interface MachineOptions {
  nodeId: number
  /** Read for every command: they may change while the broker runs. */
  settings: () => ControllerSettings
  rules: ConfigRules
  /** Fresh random bytes. */
  randomBytes: (size: number) => Uint8Array
  /** The offset that the next fact will have. */
  nextOffset: () => bigint
}

export class MetadataMachine implements Machine<MetadataCommand, MetadataFact, never, MetadataReply> {
  readonly image = new MetadataImage()
  private readonly options: MachineOptions

  constructor(options: MachineOptions) {
    this.options = options
  }

  decide(command: MetadataCommand, requestId: RequestId): Decision<MetadataFact, never, MetadataReply> {
    const { facts, reply } = this.plan(command)
    return { facts, notes: [], replies: [{ to: requestId, body: reply }], timers: [] }
  }

  apply(fact: MetadataFact): void {
    this.image.apply(fact)
  }

  completeTransaction(): void {
    throw new Error('the metadata log holds no producer’s transactions')
  }

  expired(timerKey: string): MetadataCommand {
    throw new Error(`the controller sets no timer, ${timerKey} expired`)
  }

  timersAfterReplay(): { key: string; afterMs: number | null }[] {
    return []
  }

  private plan(command: MetadataCommand): Plan<MetadataReply> {
    const context = this.context()
    switch (command.type) {
      case 'createTopics':
        return planCreateTopics(command, context)
      case 'deleteTopics':
        return planDeleteTopics(command, context)
      case 'createPartitions':
        return planCreatePartitions(command, context)
      case 'setConfigs':
        return planSetConfigs(command, context)
      case 'alterClientQuotas':
        return planAlterClientQuotas(command, context)
      case 'electLeaders':
        return planElectLeaders(command, context)
      case 'alterPartitionReassignments':
        return planAlterPartitionReassignments(command, context)
      case 'unregisterBroker':
        return planUnregisterBroker(command, context)
      case 'nextProducerIds':
        return planNextProducerIds(command, context)
      case 'registerBroker':
        return planRegisterBroker(command, context)
      case 'setBrokerFence':
        return planSetBrokerFence(command, context)
      case 'bootstrap':
        return planBootstrap(command, context)
      case 'updateFeatures':
        return planUpdateFeatures(command, context)
    }
  }

  private context(): PlanContext {
    const { nodeId, settings, rules, randomBytes, nextOffset } = this.options
    const given = new Set<string>()
    return {
      nodeId,
      image: this.image,
      settings: settings(),
      rules,
      below: (below) => Buffer.from(randomBytes(4)).readUInt32BE(0) % below,
      newId: () => {
        const id = newTopicId(
          randomBytes,
          (taken) => given.has(taken) || this.image.topicById(taken) !== undefined,
        )
        given.add(id)
        return id
      },
      nextOffset: nextOffset(),
    }
  }
}
