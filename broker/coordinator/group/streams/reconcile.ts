// One step of a member towards its target: first it gives up what is not in the target any more, and only when it
// says that it owns none of that, it gets what is new, as far as nobody else still holds it. So no task is ever
// active twice. Kafka: CurrentAssignmentBuilder.

import type { StreamsMember } from './member.ts'
import type { Owners } from './owners.ts'
import {
  hasTask,
  type HeldTasks,
  HOLDS_NOTHING,
  isNothing,
  sharesTask,
  type TaskEpochs,
  type Tasks,
  type TaskSet,
} from './tasks.ts'

/** The member must give up everything and join again: FENCED_MEMBER_EPOCH. */
export class UnknownStateError extends Error {}

/**
 * The member after this step; the same object when there is none to make. `owned` is what the member says that it
 * holds now, null when it did not say.
 */
export function reconcile(
  member: StreamsMember,
  target: Tasks,
  targetEpoch: number,
  owned: Tasks | null,
  owners: Owners,
): StreamsMember {
  const next = (memberEpoch: number): StreamsMember =>
    nextAssignment({ ...member, memberEpoch }, member.memberEpoch, target, targetEpoch, owned, owners)
  switch (member.state) {
    case 'Stable':
      return member.memberEpoch === targetEpoch ? member : next(member.memberEpoch)
    case 'UnrevokedTasks':
      if (owned === null || sharesTask(owned, member.pendingRevocation)) return member
      // It has confirmed: the epoch in which it held what it gave up is over.
      return next(member.memberEpoch + 1)
    case 'UnreleasedTasks':
      return next(member.memberEpoch)
    case 'Unknown':
      if (owned === null || !isNothing(owned)) {
        throw new UnknownStateError(
          'The streams group member is in a unknown state. The member must abandon all its tasks and rejoin.',
        )
      }
      return next(targetEpoch)
  }
}

interface Difference<Kept, Added> {
  kept: Kept
  revoked: Kept
  added: Added
  /** Something it is to have is still held elsewhere. */
  unreleased: boolean
}

function nextAssignment(
  member: StreamsMember,
  previousMemberEpoch: number,
  target: Tasks,
  targetEpoch: number,
  owned: Tasks | null,
  owners: Owners,
): StreamsMember {
  const { processId, assigned } = member
  const inProcess = (subtopologyId: string, partition: number): boolean =>
    owners.holdsStandby(processId, subtopologyId, partition)
  const active = activeDifference(assigned.active, target.active, targetEpoch, (subtopologyId, partition) => {
    return owners.activeProcess(subtopologyId, partition) !== null || inProcess(subtopologyId, partition)
  })
  const held = (subtopologyId: string, partition: number): boolean =>
    owners.activeProcess(subtopologyId, partition) === processId || inProcess(subtopologyId, partition)
  const standby = difference(assigned.standby, target.standby, held)
  const warmup = difference(assigned.warmup, target.warmup, held)

  const kept = { active: active.kept, standby: standby.kept, warmup: warmup.kept }
  const revoked = { active: active.revoked, standby: standby.revoked, warmup: warmup.revoked }
  if (!isNothing(revoked) && (owned === null || sharesTask(owned, revoked))) {
    // It stays in its epoch until it has let go.
    return {
      ...member,
      previousMemberEpoch,
      state: 'UnrevokedTasks',
      assigned: kept,
      pendingRevocation: revoked,
    }
  }
  const unreleased = active.unreleased || standby.unreleased || warmup.unreleased
  return {
    ...member,
    memberEpoch: targetEpoch,
    previousMemberEpoch,
    state: unreleased ? 'UnreleasedTasks' : 'Stable',
    assigned: merged(kept, { active: active.added, standby: standby.added, warmup: warmup.added }),
    pendingRevocation: HOLDS_NOTHING,
  }
}

function activeDifference(
  current: TaskEpochs,
  target: TaskSet,
  targetEpoch: number,
  isHeld: (subtopologyId: string, partition: number) => boolean,
): Difference<TaskEpochs, TaskEpochs> {
  const { kept, revoked, added, unreleased } = difference(keysOf(current), target, isHeld)
  const epochOf = (subtopologyId: string, partition: number): number =>
    current.get(subtopologyId)?.get(partition) ?? targetEpoch
  const withEpochs = (tasks: TaskSet): TaskEpochs =>
    new Map(
      [...tasks].map(([subtopologyId, partitions]) => [
        subtopologyId,
        new Map([...partitions].map((partition) => [partition, epochOf(subtopologyId, partition)])),
      ]),
    )
  return { kept: withEpochs(kept), revoked: withEpochs(revoked), added: withEpochs(added), unreleased }
}

function difference(
  current: TaskSet,
  target: TaskSet,
  isHeld: (subtopologyId: string, partition: number) => boolean,
): Difference<TaskSet, TaskSet> {
  let unreleased = false
  const kept = filtered(current, (id, partition) => hasTask(target, id, partition))
  const revoked = filtered(current, (id, partition) => !hasTask(target, id, partition))
  const added = filtered(target, (id, partition) => {
    if (hasTask(current, id, partition)) return false
    if (!isHeld(id, partition)) return true
    unreleased = true
    return false
  })
  return { kept, revoked, added, unreleased }
}

function filtered(tasks: TaskSet, fits: (subtopologyId: string, partition: number) => boolean): TaskSet {
  const result = new Map<string, ReadonlySet<number>>()
  for (const [subtopologyId, partitions] of tasks) {
    const fitting = [...partitions].filter((partition) => fits(subtopologyId, partition))
    if (fitting.length > 0) result.set(subtopologyId, new Set(fitting))
  }
  return result
}

function keysOf(tasks: TaskEpochs): TaskSet {
  return new Map([...tasks].map(([subtopologyId, epochs]) => [subtopologyId, new Set(epochs.keys())]))
}

function merged(a: HeldTasks, b: HeldTasks): HeldTasks {
  const active = new Map<string, ReadonlyMap<number, number>>(a.active)
  for (const [id, epochs] of b.active) active.set(id, new Map([...(active.get(id) ?? []), ...epochs]))
  return { active, standby: union(a.standby, b.standby), warmup: union(a.warmup, b.warmup) }
}

function union(a: TaskSet, b: TaskSet): TaskSet {
  const result = new Map<string, ReadonlySet<number>>(a)
  for (const [id, partitions] of b) result.set(id, new Set([...(result.get(id) ?? []), ...partitions]))
  return result
}
