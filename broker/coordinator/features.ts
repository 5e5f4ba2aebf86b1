// The finalized level of a feature, as coordinators and handlers see it: a port, for they do not know the
// controller. Read anew at each use, for a level may change while everything runs.

export type FeatureName =
  | 'metadata.version'
  | 'transaction.version'
  | 'group.version'
  | 'share.version'
  | 'streams.version'
  | 'eligible.leader.replicas.version'

export interface Features {
  /** 0: not finalized. */
  level(name: FeatureName): number
}
