// Tasks of a streams group: a subtopology and a partition of what it reads. A task is active at one member, and may
// be standby or warm-up (its state kept up to date) at members of other processes.
//
// Maps go from subtopology id to partitions and are never changed once made. No subtopology has an empty set.

export type TaskSet = ReadonlyMap<string, ReadonlySet<number>>
/** Active tasks of a member, each with the epoch at which it got it: the fence of a late commit. */
export type TaskEpochs = ReadonlyMap<string, ReadonlyMap<number, number>>

export interface Tasks {
  readonly active: TaskSet
  readonly standby: TaskSet
  readonly warmup: TaskSet
}

export interface HeldTasks {
  readonly active: TaskEpochs
  readonly standby: TaskSet
  readonly warmup: TaskSet
}

export interface TaskIds {
  subtopologyId: string
  partitions: number[]
}

/** What TaskSet and TaskEpochs have in common. */
type TaskKeys = ReadonlyMap<
  string,
  { has(partition: number): boolean; keys(): Iterable<number>; readonly size: number }
>

export const NO_TASKS: Tasks = { active: new Map(), standby: new Map(), warmup: new Map() }
export const HOLDS_NOTHING: HeldTasks = { active: new Map(), standby: new Map(), warmup: new Map() }

export function hasTask(tasks: TaskKeys, subtopologyId: string, partition: number): boolean {
  return tasks.get(subtopologyId)?.has(partition) ?? false
}

export function* eachTask(tasks: TaskKeys): Generator<[subtopologyId: string, partition: number]> {
  for (const [subtopologyId, partitions] of tasks)
    for (const partition of partitions.keys()) yield [subtopologyId, partition]
}

export function isNothing({ active, standby, warmup }: Tasks | HeldTasks): boolean {
  return active.size === 0 && standby.size === 0 && warmup.size === 0
}

/** Whether a task of one role is in the same role of the other. */
export function sharesTask(a: Tasks | HeldTasks, b: Tasks | HeldTasks): boolean {
  const roles = [
    [a.active, b.active],
    [a.standby, b.standby],
    [a.warmup, b.warmup],
  ] as const
  return roles.some(([one, other]) => {
    for (const [subtopologyId, partition] of eachTask(one))
      if (hasTask(other, subtopologyId, partition)) return true
    return false
  })
}

export function sameTasks(a: Tasks | HeldTasks, b: Tasks | HeldTasks): boolean {
  return sameKeys(a.active, b.active) && sameKeys(a.standby, b.standby) && sameKeys(a.warmup, b.warmup)
}

/** Epochs count: a task that was lost and came back is not the same. */
export function sameHeldTasks(a: HeldTasks, b: HeldTasks): boolean {
  if (!sameKeys(a.active, b.active) || !sameKeys(a.standby, b.standby) || !sameKeys(a.warmup, b.warmup))
    return false
  for (const [subtopologyId, epochs] of a.active)
    for (const [partition, epoch] of epochs)
      if (b.active.get(subtopologyId)?.get(partition) !== epoch) return false
  return true
}

/** Every task of `some` is in `all`. */
export function isSubset(some: TaskKeys, all: TaskKeys): boolean {
  for (const [subtopologyId, partition] of eachTask(some))
    if (!hasTask(all, subtopologyId, partition)) return false
  return true
}

/** As the wire and the log have them: by subtopology, in order. */
export function taskIdsOf(tasks: TaskKeys): TaskIds[] {
  return [...tasks]
    .map(([subtopologyId, partitions]) => ({
      subtopologyId,
      partitions: [...partitions.keys()].sort((a, b) => a - b),
    }))
    .sort((a, b) => (a.subtopologyId < b.subtopologyId ? -1 : 1))
}

export function taskSetOf(ids: readonly TaskIds[]): TaskSet {
  const tasks = new Map<string, ReadonlySet<number>>()
  for (const { subtopologyId, partitions } of ids) {
    if (partitions.length > 0)
      tasks.set(subtopologyId, new Set([...(tasks.get(subtopologyId) ?? []), ...partitions]))
  }
  return tasks
}

function sameKeys(a: TaskKeys, b: TaskKeys): boolean {
  if (a.size !== b.size) return false
  for (const [subtopologyId, partitions] of a)
    if (b.get(subtopologyId)?.size !== partitions.size) return false
  return isSubset(a, b)
}
