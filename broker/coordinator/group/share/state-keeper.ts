// The share coordinator as the group coordinator needs it: a port, for states are another coordinator's business.

export interface KeptPartition {
  readonly groupId: string
  readonly topicId: string
  readonly partition: number
}

export interface KeeperOutcome {
  errorCode: number
  errorMessage: string | null
}

export interface KeptSummary extends KeeperOutcome {
  /** -1: nobody has read yet. */
  startOffset: bigint
  /** Records at or above the start that are done with; -1: not known. */
  deliveryCompleteCount: number
  leaderEpoch: number
}

export interface StateKeeper {
  /** `startOffset` undefined: where the group's auto.offset.reset says. */
  initialize(key: KeptPartition, stateEpoch: number, startOffset: bigint | undefined): Promise<KeeperOutcome>
  delete(key: KeptPartition): Promise<KeeperOutcome>
  summary(key: KeptPartition): Promise<KeptSummary>
  /** The end of what a partition's readers see; undefined where it cannot be told. */
  latestOffset(topic: string, partition: number): bigint | undefined
}
