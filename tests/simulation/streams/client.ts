// A Kafka Streams client as far as its group sees it: it joins with nothing in hand, does what it is told in its own
// time, tells what it holds, commits for the tasks it runs, and drops everything when it hears that it is fenced.

import type {
  StreamsHeartbeatRequest,
  StreamsHeartbeatResponse,
} from '../../../broker/coordinator/group/streams/messages.ts'
import type { Topology } from '../../../broker/coordinator/group/streams/topology.ts'
import type { TaskIds } from '../../../broker/coordinator/group/streams/tasks.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { emptyRequest, joining } from '../../coordinator/group/streams/fixture.ts'
import type { Random } from '../../world/random.ts'

const FENCED = new Set<number>([
  errorCodes.UNKNOWN_MEMBER_ID,
  errorCodes.FENCED_MEMBER_EPOCH,
  errorCodes.GROUP_ID_NOT_FOUND,
])

export const GROUP = 'app'
export const taskText = (subtopologyId: string, partition: number): string => `${subtopologyId}_${partition}`

export interface Commit {
  memberId: string
  epoch: number
  task: string
}

/** What a client is in. */
export interface ClientWorld {
  readonly random: Random
  readonly topology: Topology
  readonly counters: { fenced: number; assignments: number }
  heartbeat(
    client: StreamsClient,
    request: StreamsHeartbeatRequest,
    heard: (response: StreamsHeartbeatResponse | null) => void,
  ): void
  commit(commit: Commit): void
  expect(holds: boolean, otherwise: string): void
}

export class StreamsClient {
  readonly memberId: string
  readonly processId: string
  /** 0: not a member, as far as it knows. */
  epoch = 0
  /** What it runs; `told` is what it is to run. */
  held = new Set<string>()
  standbys = new Set<string>()
  private told: { active: Set<string>; standby: Set<string> } | null = null
  /** Whether the group knows what it holds: then it may say nothing. */
  private isReported = true
  /** A heartbeat is on its way: one at a time. */
  private waits = 0
  /** Never gives anything up, and says nothing of what it holds. */
  isStuck = false
  isDead = false
  private readonly world: ClientWorld
  private readonly random: Random

  constructor(world: ClientWorld, number: number) {
    this.world = world
    this.random = world.random
    this.memberId = `member-${number}`
    this.processId = `process-${number % 3}`
  }

  /** One step of its life, whatever it is. */
  act(): void {
    if (this.isDead) return
    const dice = this.random.below(100)
    if (this.epoch === 0) {
      if (dice < 60) this.join()
    } else if (dice < 55) this.heartbeat()
    else if (dice < 75) this.obey()
    else if (dice < 95) this.commit()
    else if (dice < 97) this.leave()
    else this.fall()
  }

  /** What a client does that nothing stops. */
  goOn(): void {
    // Who never lets go is put out in the end, and does not come back.
    if (this.isStuck && this.epoch === 0) this.isDead = true
    if (this.isDead) return
    this.obey()
    if (this.epoch === 0) this.join()
    else this.heartbeat()
  }

  /** The process is gone, and nobody tells the group; another may begin in its place. */
  fall(): void {
    this.drop()
    this.waits++
  }

  describe(): string {
    return `${this.memberId} ${this.epoch} holds ${[...this.held].join(' ')}`
  }

  get isSettled(): boolean {
    return this.epoch > 0 && this.told === null && (this.isReported || this.isStuck)
  }

  private join(): void {
    this.drop()
    this.send({ ...joining(this.world.topology), processId: this.processId })
  }

  private heartbeat(): void {
    const quiet = this.isStuck || (this.isReported && this.random.chance(0.5))
    const tasks = quiet
      ? { activeTasks: null, standbyTasks: null, warmupTasks: null }
      : { activeTasks: idsOf(this.held), standbyTasks: idsOf(this.standbys), warmupTasks: [] }
    // What it has not begun when it says what it has, it does not begin: the group may give it to another now.
    if (!quiet) this.told = null
    this.send(tasks, !quiet)
  }

  /** Lets go of what it is not to have, and begins what it is to have. */
  private obey(): void {
    const { told } = this
    if (told === null) return
    if (this.isStuck && [...this.held].some((task) => !told.active.has(task))) return
    this.held = told.active
    this.standbys = told.standby
    this.told = null
    this.isReported = false
  }

  private commit(): void {
    const task = [...this.held].find((held) => held.startsWith('0_'))
    const { memberId, epoch } = this
    if (task !== undefined) this.world.commit({ memberId, epoch, task })
  }

  leave(): void {
    this.drop()
    this.waits++
    this.world.heartbeat(
      this,
      { ...emptyRequest, groupId: GROUP, memberId: this.memberId, memberEpoch: -1 },
      () => {},
    )
  }

  private drop(): void {
    this.epoch = 0
    this.held = new Set()
    this.standbys = new Set()
    this.told = null
    this.isReported = true
  }

  private send(request: Partial<StreamsHeartbeatRequest>, reports = false): void {
    const sent = ++this.waits
    const { memberId, epoch: memberEpoch } = this
    const before = this.held
    // An answer that does not come leaves it in doubt: then it says all again.
    const isReported = reports || this.isReported
    this.isReported = false
    const body = { ...emptyRequest, groupId: GROUP, memberId, memberEpoch, ...request }
    this.world.heartbeat(this, body, (response) => {
      // A client that has sent again, or died, no longer listens.
      if (sent !== this.waits || response === null) return
      this.isReported = isReported && before === this.held
      this.heard(response)
    })
  }

  private heard(response: StreamsHeartbeatResponse): void {
    if (response.errorCode !== errorCodes.NONE) {
      if (FENCED.has(response.errorCode)) {
        this.world.counters.fenced++
        this.drop()
      }
      return
    }
    const isAhead = response.memberEpoch >= this.epoch
    this.world.expect(isAhead, `${this.memberId} goes from ${this.epoch} to ${response.memberEpoch}`)
    this.epoch = response.memberEpoch
    if (response.activeTasks === null) return
    this.told = { active: textsOf(response.activeTasks), standby: textsOf(response.standbyTasks ?? []) }
    this.world.counters.assignments++
  }
}

function textsOf(ids: readonly TaskIds[]): Set<string> {
  return new Set(
    ids.flatMap(({ subtopologyId, partitions }) => partitions.map((p) => taskText(subtopologyId, p))),
  )
}

function idsOf(tasks: ReadonlySet<string>): TaskIds[] {
  const ids = new Map<string, number[]>()
  for (const task of tasks) {
    const [subtopologyId = '', partition] = task.split('_')
    ids.set(subtopologyId, [...(ids.get(subtopologyId) ?? []), Number(partition)])
  }
  return [...ids].map(([subtopologyId, partitions]) => ({ subtopologyId, partitions }))
}
