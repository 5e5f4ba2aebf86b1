// The target assignment of a group epoch: when it may be computed, and what is written of it. Kafka:
// maybeUpdateStreamsTargetAssignment, TargetAssignmentBuilder.

import { STANDBY_REPLICAS } from './config.ts'
import type { ConfiguredTopology } from './configured-topology.ts'
import type { StreamsFact } from './facts.ts'
import type { StreamsMember } from './member.ts'
import { assignTasks } from './sticky-task-assignor.ts'
import type { StreamsGroup } from './streams-group.ts'
import { NO_TASKS, sameTasks, type Tasks } from './tasks.ts'
import { type Status, statusCodes } from './topic-configuration.ts'

export interface Target {
  epoch: number
  /** Of the member that asked. */
  tasks: Tasks
  facts: StreamsFact[]
  /** Why there is no newer one yet. */
  delayed: Status | null
}

export interface TargetInput {
  group: StreamsGroup
  groupEpoch: number
  /** The one that asks, as it will be; null where nobody does. */
  member: StreamsMember | null
  configured: ConfiguredTopology
  assignmentConfigs: ReadonlyMap<string, string>
  assignmentIntervalMs: number
  nowMs: number
}

/** The group's target for `groupEpoch`, as far as one may be computed now. */
export function targetFor(input: TargetInput): Target {
  const { group, groupEpoch, member } = input
  const tasksIn = (targets: ReadonlyMap<string, Tasks>): Tasks =>
    (member === null ? undefined : targets.get(member.memberId)) ?? NO_TASKS
  const last = (tasks: Tasks, why?: string): Target => ({
    epoch: group.assignmentEpoch,
    tasks,
    facts: [],
    delayed: why === undefined ? null : { statusCode: statusCodes.ASSIGNMENT_DELAYED, statusDetail: why },
  })
  if (group.soft.initialDelay)
    return last(NO_TASKS, 'Assignment delayed due to the configured initial rebalance delay.')
  const lastTasks = tasksIn(group.targets)
  if (group.assignmentEpoch >= groupEpoch) return last(lastTasks)
  if (!intervalIsOver(input))
    return last(lastTasks, 'Assignment delayed due to the configured assignment interval.')
  const { targets, facts } = newTarget(input)
  return { epoch: groupEpoch, tasks: tasksIn(targets), facts, delayed: null }
}

function intervalIsOver({ group, assignmentIntervalMs, nowMs }: TargetInput): boolean {
  const { assignmentTimestampMs } = group
  // 0: there was none, or it is not known when. Without an interval a clock that went back does no harm.
  if (assignmentTimestampMs === 0 || assignmentIntervalMs === 0) return true
  return nowMs >= assignmentTimestampMs + assignmentIntervalMs
}

/** Facts only for members whose target changes. Nobody gets a task before all topics are there. */
function newTarget({ group, groupEpoch, member, configured, assignmentConfigs, nowMs }: TargetInput): {
  targets: Map<string, Tasks>
  facts: StreamsFact[]
} {
  const { groupId } = group
  const members = new Map(group.members)
  if (member !== null) members.set(member.memberId, member)
  const subtopologies = configured.problem === null ? configured.subtopologies : null
  const targets =
    subtopologies === null
      ? new Map([...members.keys()].map((memberId) => [memberId, NO_TASKS]))
      : assignTasks(
          [...members.values()].map(({ memberId, processId }) => ({
            memberId,
            processId,
            previous: group.targets.get(memberId) ?? NO_TASKS,
          })),
          [...subtopologies].map(([subtopologyId, { taskCount, stateChangelogTopics }]) => ({
            subtopologyId,
            taskCount,
            isStateful: stateChangelogTopics.length > 0,
          })),
          Number(assignmentConfigs.get(STANDBY_REPLICAS) ?? 0),
        )
  const facts: StreamsFact[] = []
  for (const [memberId, tasks] of targets) {
    const before = group.targets.get(memberId)
    if (before === undefined || !sameTasks(before, tasks))
      facts.push({ kind: 'streamsTarget', groupId, memberId, value: tasks })
  }
  facts.push({
    kind: 'streamsTargetEpoch',
    groupId,
    value: { assignmentEpoch: groupEpoch, assignmentTimestampMs: nowMs },
  })
  return { targets, facts }
}
