// What an assignor is given and gives back (Kafka's GroupSpec and GroupAssignment). Assignors are pure: the same
// group gives the same assignment.

/** Topic id → partitions. Values, never changed once made. */
export type Assignment = ReadonlyMap<string, ReadonlySet<number>>

export const NOTHING: Assignment = new Map()

export interface AssignableMember {
  readonly instanceId: string | null
  /** Only topics that exist. */
  readonly topicIds: ReadonlySet<string>
  /** The target assignment so far. */
  readonly assigned: Assignment
}

export interface AssignableGroup {
  readonly members: ReadonlyMap<string, AssignableMember>
  partitionCount(topicId: string): number
}

/** Member id → what it is to have; every member has an entry, every partition of a subscribed topic one owner. */
export type Assignor = (group: AssignableGroup) => Map<string, Assignment>

export function sameAssignment(a: Assignment, b: Assignment): boolean {
  if (a.size !== b.size) return false
  for (const [topicId, partitions] of a) {
    const other = b.get(topicId)
    if (other?.size !== partitions.size) return false
    for (const partition of partitions) if (!other.has(partition)) return false
  }
  return true
}

/** An assignment while it is being made. */
export class Draft {
  readonly topics = new Map<string, Set<number>>()
  size = 0

  add(topicId: string, partition: number): void {
    let partitions = this.topics.get(topicId)
    if (partitions === undefined) this.topics.set(topicId, (partitions = new Set()))
    partitions.add(partition)
    this.size++
  }

  /** Takes away any partition of the topic, the highest first. */
  take(topicId: string): number {
    const partitions = this.topics.get(topicId)
    if (partitions === undefined) throw new Error(`no partition of ${topicId} to take`)
    const partition = Math.max(...partitions)
    partitions.delete(partition)
    if (partitions.size === 0) this.topics.delete(topicId)
    this.size--
    return partition
  }
}
