// Which process holds which task now: what members have, and what they have yet to give up. Follows the members one by
// one (apply.ts). That no active task has two owners is asserted here (I13 for streams groups).

import type { StreamsMember } from './member.ts'
import { eachTask } from './tasks.ts'

interface Owner {
  memberId: string
  processId: string
}

/** Subtopology id → partition → … */
type ByTask<T> = Map<string, Map<number, T>>

export class Owners {
  private readonly active: ByTask<Owner> = new Map()
  /** Process id → members of it that keep the task's state as standby or warm-up. */
  private readonly standbys: ByTask<Map<string, number>> = new Map()

  constructor(members: Iterable<StreamsMember> = []) {
    for (const member of members) this.add(member)
  }

  /** The process that runs the task, or has yet to stop it. */
  activeProcess(subtopologyId: string, partition: number): string | null {
    return this.active.get(subtopologyId)?.get(partition)?.processId ?? null
  }

  /** Whether a member of the process keeps the task's state as standby or warm-up. */
  holdsStandby(processId: string, subtopologyId: string, partition: number): boolean {
    return this.standbys.get(subtopologyId)?.get(partition)?.has(processId) ?? false
  }

  add(member: StreamsMember): void {
    const { memberId, processId } = member
    const owner = { memberId, processId }
    for (const { active, standby, warmup } of [member.assigned, member.pendingRevocation]) {
      for (const [subtopologyId, partition] of eachTask(active)) {
        const partitions = within(this.active, subtopologyId)
        const other = partitions.get(partition)
        if (other !== undefined && other.memberId !== memberId)
          throw new Error(`task ${subtopologyId}_${partition} is active at ${other.memberId} and ${memberId}`)
        partitions.set(partition, owner)
      }
      for (const tasks of [standby, warmup])
        for (const [subtopologyId, partition] of eachTask(tasks))
          this.count(processId, subtopologyId, partition, 1)
    }
  }

  /** The member as it was added. */
  remove(member: StreamsMember): void {
    for (const { active, standby, warmup } of [member.assigned, member.pendingRevocation]) {
      for (const [subtopologyId, partition] of eachTask(active))
        this.active.get(subtopologyId)?.delete(partition)
      for (const tasks of [standby, warmup])
        for (const [subtopologyId, partition] of eachTask(tasks))
          this.count(member.processId, subtopologyId, partition, -1)
    }
  }

  private count(processId: string, subtopologyId: string, partition: number, by: number): void {
    const partitions = within(this.standbys, subtopologyId)
    let processes = partitions.get(partition)
    if (processes === undefined) partitions.set(partition, (processes = new Map()))
    const members = (processes.get(processId) ?? 0) + by
    if (members === 0) processes.delete(processId)
    else processes.set(processId, members)
    if (processes.size === 0) partitions.delete(partition)
  }
}

function within<T>(tasks: ByTask<T>, subtopologyId: string): Map<number, T> {
  let partitions = tasks.get(subtopologyId)
  if (partitions === undefined) tasks.set(subtopologyId, (partitions = new Map()))
  return partitions
}
