// What a plan may look at: the metadata as it stands, and the ports through which settings, the rules of
// configuration keys and chance come in. Plans change nothing (design law 1).

import type { MetadataImage } from './image.ts'
import type { Below } from './placement.ts'

/** Broker settings that decide about topics; read anew for each command. */
export interface ControllerSettings {
  numPartitions: number
  defaultReplicationFactor: number
  deleteTopicEnable: boolean
  /** The most partitions that one request may make. */
  partitionsPerRequest: number
  /** As it is configured, without what is set dynamically. */
  minInsyncReplicas: number
}

/** What the controller must know of configuration keys; server/config/rules.ts has them. */
export interface ConfigRules {
  /** What is wrong with all settings of one topic together (INVALID_CONFIG), or undefined. */
  topicProblem(settings: ReadonlyMap<string, string>): string | undefined
  /** What is wrong with all settings of one group together (INVALID_CONFIG), or undefined. */
  groupProblem(settings: ReadonlyMap<string, string>): string | undefined
  /** What is wrong with a client metrics subscription; INVALID_CONFIG or INVALID_REQUEST. */
  clientMetricsProblem(
    settings: ReadonlyMap<string, string>,
  ): { isConfig: boolean; message: string } | undefined
  /** What is wrong with changing these broker settings (INVALID_REQUEST); an empty name is every broker. */
  brokerProblem(resourceName: string, changed: ReadonlyMap<string, string | null>): string | undefined
  /** Whether a topic of these settings may get a leader that lacks records (unclean.leader.election.enable). */
  isUncleanElectionAllowed(settings: ReadonlyMap<string, string>): boolean
  /** Items of a LIST key by default; undefined for a key of another type. */
  defaultList(resourceType: number, key: string): readonly string[] | undefined
}

export interface PlanContext {
  /** Of the node that decides. */
  readonly nodeId: number
  readonly image: MetadataImage
  readonly settings: ControllerSettings
  readonly rules: ConfigRules
  readonly below: Below
  /** 32 hex digits that were never given before. */
  readonly newId: () => string
  /** The offset that the first fact gets: broker epochs are offsets of the log. */
  readonly nextOffset: bigint
}
