// Which process holds which task now: what members have, and what they have yet to give up. Made from the members
// when a member is reconciled. That no active task has two owners is asserted here (I13 for streams groups).

import type { StreamsMember } from './member.ts'
import { eachTask, type HeldTasks } from './tasks.ts'

export class Owners {
  private readonly active = new Map<string, { memberId: string; processId: string }>()
  private readonly standbys = new Set<string>()

  constructor(members: Iterable<StreamsMember>) {
    for (const member of members) {
      this.add(member, member.assigned)
      this.add(member, member.pendingRevocation)
    }
  }

  /** The process that runs the task, or has yet to stop it. */
  activeProcess(subtopologyId: string, partition: number): string | null {
    return this.active.get(key(subtopologyId, partition))?.processId ?? null
  }

  /** Whether a member of the process keeps the task's state as standby or warm-up. */
  holdsStandby(processId: string, subtopologyId: string, partition: number): boolean {
    return this.standbys.has(`${key(subtopologyId, partition)}_${processId}`)
  }

  private add({ memberId, processId }: StreamsMember, { active, standby, warmup }: HeldTasks): void {
    for (const [subtopologyId, partition] of eachTask(active)) {
      const task = key(subtopologyId, partition)
      const other = this.active.get(task)
      if (other !== undefined && other.memberId !== memberId)
        throw new Error(`task ${subtopologyId}_${partition} is active at ${other.memberId} and ${memberId}`)
      this.active.set(task, { memberId, processId })
    }
    for (const tasks of [standby, warmup])
      for (const [subtopologyId, partition] of eachTask(tasks))
        this.standbys.add(`${key(subtopologyId, partition)}_${processId}`)
  }
}

const key = (subtopologyId: string, partition: number): string =>
  `${partition}_${subtopologyId.length}_${subtopologyId}`
