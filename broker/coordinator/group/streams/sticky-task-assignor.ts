// Who is to run which task. Active tasks stay with who had them (or kept their state as a standby) as long as nobody
// gets more than a fair share; the rest goes to the process with the least load for its members. Standbys follow
// the same rules and never lie in a process that has the task already. There are no warm-up tasks yet, as in Kafka
// 4.3. Kafka: StickyTaskAssignor, ProcessState.

import { eachTask, type Tasks } from './tasks.ts'

export interface AssignableMember {
  memberId: string
  /** Members of one process share its state directory. */
  processId: string
  /** What the last target assignment gave it. */
  previous: Tasks
}

export interface AssignableSubtopology {
  subtopologyId: string
  taskCount: number
  /** Only tasks with state have standbys. */
  isStateful: boolean
}

interface Task {
  readonly id: string
  readonly subtopologyId: string
  readonly partition: number
}

interface MemberLoad {
  readonly memberId: string
  readonly process: ProcessLoad
  readonly active: Map<string, Set<number>>
  readonly standby: Map<string, Set<number>>
  count: number
}

interface ProcessLoad {
  readonly members: MemberLoad[]
  readonly tasks: Set<string>
  count: number
}

/** A target for every member, empty ones too. The same input gives the same target. */
export function assignTasks(
  members: readonly AssignableMember[],
  subtopologies: readonly AssignableSubtopology[],
  standbyReplicas: number,
): Map<string, Tasks> {
  if (members.length === 0) return new Map()
  return new Assignment(members, subtopologies, standbyReplicas).target()
}

class Assignment {
  private readonly members: MemberLoad[] = []
  private readonly processes = new Map<string, ProcessLoad>()
  private readonly subtopologies: readonly AssignableSubtopology[]
  private readonly standbyReplicas: number
  private readonly previousActive = new Map<string, MemberLoad>()
  private readonly previousStandbys = new Map<string, MemberLoad[]>()
  private readonly activeShare: FairShare
  private readonly totalShare: FairShare

  constructor(
    members: readonly AssignableMember[],
    subtopologies: readonly AssignableSubtopology[],
    standbyReplicas: number,
  ) {
    this.subtopologies = subtopologies
    this.standbyReplicas = standbyReplicas
    for (const member of [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))) this.add(member)
    let [active, standby] = [0, 0]
    for (const { taskCount, isStateful } of subtopologies) {
      active += taskCount
      if (isStateful) standby += taskCount * standbyReplicas
    }
    this.activeShare = new FairShare(active, members.length)
    this.totalShare = new FairShare(active + standby, members.length)
  }

  target(): Map<string, Tasks> {
    this.assignActive()
    if (this.standbyReplicas > 0) this.assignStandbys()
    return new Map(
      this.members.map(({ memberId, active, standby }) => [memberId, { active, standby, warmup: new Map() }]),
    )
  }

  private add({ memberId, processId, previous }: AssignableMember): void {
    let process = this.processes.get(processId)
    if (process === undefined) {
      process = { members: [], tasks: new Set(), count: 0 }
      this.processes.set(processId, process)
    }
    const member = { memberId, process, active: new Map(), standby: new Map(), count: 0 }
    process.members.push(member)
    this.members.push(member)
    for (const [subtopologyId, partition] of eachTask(previous.active))
      this.previousActive.set(taskId(subtopologyId, partition), member)
    for (const [subtopologyId, partition] of eachTask(previous.standby)) {
      const id = taskId(subtopologyId, partition)
      const standbys = this.previousStandbys.get(id)
      if (standbys === undefined) this.previousStandbys.set(id, [member])
      else standbys.push(member)
    }
  }

  private tasks(statefulOnly: boolean): Task[] {
    return this.subtopologies
      .filter(({ isStateful }) => isStateful || !statefulOnly)
      .flatMap(({ subtopologyId, taskCount }) =>
        Array.from({ length: taskCount }, (_, partition) => ({
          id: taskId(subtopologyId, partition),
          subtopologyId,
          partition,
        })),
      )
  }

  private assignActive(): void {
    // By partition first: where the share runs out, every subtopology loses some, not the last one all.
    const homeless = this.tasks(false)
      .sort(byPartition)
      .filter((task) => !this.keepActive(task, this.previousActive.get(task.id)))
      .filter((task) => !this.keepActive(task, leastLoaded(this.previousStandbys.get(task.id) ?? [])))
    for (const task of homeless.sort(bySubtopology)) {
      const process = leastLoadedProcess(this.processes.values(), () => true)
      if (process === undefined) throw new Error(`nobody could run task ${task.id}`)
      this.give(task, leastLoaded(process.members) as MemberLoad, 'active')
    }
  }

  private keepActive(task: Task, member: MemberLoad | undefined): boolean {
    if (member === undefined || member.count >= this.activeShare.perMember) return false
    this.give(task, member, 'active')
    return true
  }

  private assignStandbys(): void {
    const homeless: { task: Task; missing: number }[] = []
    for (const task of this.tasks(true).sort(byPartition).reverse()) {
      let given = 0
      while (given < this.standbyReplicas && this.keepStandby(task)) given++
      if (given < this.standbyReplicas) homeless.push({ task, missing: this.standbyReplicas - given })
    }
    for (const { task, missing } of homeless.sort((a, b) => bySubtopology(b.task, a.task))) {
      for (let i = 0; i < missing; i++) {
        const process = leastLoadedProcess(this.processes.values(), ({ tasks }) => !tasks.has(task.id))
        // Fewer processes than replicas: the rest has no place that would be of use.
        if (process === undefined) break
        this.give(task, leastLoaded(process.members) as MemberLoad, 'standby')
      }
    }
  }

  /** A standby where the state is: at the one who ran the task, or kept it as a standby. */
  private keepStandby(task: Task): boolean {
    const free = (member: MemberLoad): boolean => !member.process.tasks.has(task.id)
    const was = this.previousActive.get(task.id)
    const candidates = [
      was !== undefined && free(was) ? was : undefined,
      leastLoaded((this.previousStandbys.get(task.id) ?? []).filter(free)),
    ]
    const member = candidates.find(
      (candidate) => candidate !== undefined && candidate.count < this.totalShare.perMember,
    )
    if (member === undefined) return false
    this.give(task, member, 'standby')
    return true
  }

  private give({ id, subtopologyId, partition }: Task, member: MemberLoad, role: 'active' | 'standby'): void {
    member.count++
    member.process.count++
    member.process.tasks.add(id)
    const partitions = member[role].get(subtopologyId)
    if (partitions === undefined) member[role].set(subtopologyId, new Set([partition]))
    else partitions.add(partition)
    if (role === 'active') this.activeShare.reached(member.count)
    this.totalShare.reached(member.count)
  }
}

/** The most that a member may keep: rounded up, until so many have that much that the others get less. */
class FairShare {
  perMember: number
  private tasks: number
  private members: number

  constructor(tasks: number, members: number) {
    this.tasks = tasks
    this.members = members
    this.perMember = Math.ceil(tasks / members)
  }

  /** A member now has so many tasks. */
  reached(count: number): void {
    if (count !== this.perMember) return
    this.members--
    this.tasks -= count
    this.perMember = this.members === 0 ? 0 : Math.ceil(this.tasks / this.members)
  }
}

const taskId = (subtopologyId: string, partition: number): string => `${partition}_${subtopologyId}`

const compareIds = (a: Task, b: Task): number =>
  a.subtopologyId === b.subtopologyId ? 0 : a.subtopologyId < b.subtopologyId ? -1 : 1
const byPartition = (a: Task, b: Task): number => a.partition - b.partition || compareIds(a, b)
const bySubtopology = (a: Task, b: Task): number => compareIds(a, b) || a.partition - b.partition

const load = ({ members, count }: ProcessLoad): number => count / members.length

function leastLoadedProcess(
  processes: Iterable<ProcessLoad>,
  fits: (process: ProcessLoad) => boolean,
): ProcessLoad | undefined {
  let found: ProcessLoad | undefined
  for (const process of processes)
    if (fits(process) && (found === undefined || load(process) < load(found))) found = process
  return found
}

/** The process decides before the member. */
const compareLoads = (a: MemberLoad, b: MemberLoad): number =>
  load(a.process) - load(b.process) || a.count - b.count

/** The first of equals. */
function leastLoaded(members: readonly MemberLoad[]): MemberLoad | undefined {
  let found: MemberLoad | undefined
  for (const member of members) {
    if (found === undefined || compareLoads(member, found) < 0) found = member
  }
  return found
}
