// What makes a graph impossible to run. Checked once, at start; every finding names its operator.

import type { OutputNode, StreamNode } from './node.ts'

export interface GraphShape {
  readonly nodes: readonly StreamNode<unknown>[]
  readonly outputs: readonly OutputNode[]
  /** undefined: as-soon-as-data. */
  readonly intervalMs: number | undefined
  /** The checkpoint survives restarts: what cannot be recovered is refused. */
  readonly durable: boolean
  /** Several batches run at once (concurrentJobs above 1): what hangs on their order is refused. */
  readonly sideBySide: boolean
}

/** Outputs that leave nothing in the batch's transaction. */
const OUTSIDE_TRANSACTION: ReadonlySet<string> = new Set(['foreachRDD', 'print'])

/** Kafka's longest topic name. */
const LONGEST_TOPIC = 249

export function problemsOf(graph: GraphShape): string[] {
  const problems: string[] = []
  if (graph.outputs.length === 0) problems.push('no output operation: nothing would run')
  const seen = new Set<string>()
  for (const { id } of [...graph.nodes, ...graph.outputs]) {
    if (seen.has(id)) problems.push(`two operators are named '${id}': names must be unique`)
    seen.add(id)
  }
  const targets = new Map<string, string>()
  for (const { id, files } of graph.outputs) {
    if (files === undefined) continue
    const other = targets.get(files.target)
    if (other !== undefined) problems.push(`${other} and ${id} both write files to ${files.target}`)
    targets.set(files.target, id)
  }
  problems.push(...keptTopicProblems(graph.nodes))
  for (const node of graph.nodes) {
    problems.push(...windowProblems(node, graph.intervalMs), ...parentProblems(node))
    if (graph.durable) problems.push(...recoveryProblems(node))
  }
  if (graph.sideBySide) problems.push(...orderProblems(graph))
  return problems
}

// Two inputs of one topic would fence each other. To Kafka, names that differ in '.' and '_' alone collide.
function keptTopicProblems(nodes: GraphShape['nodes']): string[] {
  const problems: string[] = []
  const owners = new Map<string, string>()
  for (const { id, input } of nodes) {
    const topic = input?.keptTopic
    if (topic === undefined) continue
    if (topic.length > LONGEST_TOPIC) {
      problems.push(`${id}: the name of its topic ${topic} is longer than ${LONGEST_TOPIC} characters`)
    }
    const key = topic.replaceAll('.', '_')
    const other = owners.get(key)
    // Equal names of operators are told already.
    if (other !== undefined && other !== id)
      problems.push(`'${other}' and '${id}' would both keep their rows in ${topic}`)
    owners.set(key, id)
  }
  return problems
}

function windowProblems(node: StreamNode<unknown>, intervalMs: number | undefined): string[] {
  if (node.windowMs === undefined) return []
  if (intervalMs === undefined) {
    return [`${node.id}: a window needs a batchDuration; the trigger is as-soon-as-data`]
  }
  const problems: string[] = []
  const parentSlideMs = (node.parents[0] as StreamNode<unknown>).slideMs
  for (const [what, ms] of [
    ['window', node.windowMs],
    ['slide', node.slideMs],
  ] as const) {
    if (ms % parentSlideMs !== 0) {
      problems.push(
        `${node.id}: the ${what} of ${ms} ms must be a multiple of its parent's slide, ${parentSlideMs} ms`,
      )
    }
  }
  return problems
}

function parentProblems(node: StreamNode<unknown>): string[] {
  const slides = new Set(node.parents.map((parent) => parent.slideMs))
  if (slides.size <= 1) return []
  const list = node.parents.map((parent) => `${parent.id} slides by ${parent.slideMs} ms`).join(', ')
  return [`${node.id}: its parents must have the same slide, but ${list}`]
}

// After a restart, past batches are computed again from their plans. A queue's rows are gone by then. (State knows
// only its present: what looks back over it stands on kept rows, streams/kept-rows.ts.)
function recoveryProblems({ id, input }: StreamNode<unknown>): string[] {
  if (input === undefined || input.durable) return []
  return [`${id}: ${input.description} cannot be recovered; run the job without a checkpoint`]
}

// State is moved on by one batch after the other, and a job has one transaction at a time.
function orderProblems({ nodes, outputs }: GraphShape): string[] {
  const stateful = nodes.filter(({ state }) => state !== undefined).map(({ id }) => `${id}: it keeps state`)
  const writing = outputs
    .filter(({ kind }) => !OUTSIDE_TRANSACTION.has(kind))
    .map(({ id, kind }) => `${id}: ${kind} is part of the batch's transaction`)
  const rerun = nodes
    .filter(({ input }) => input?.onPoison !== undefined && input.onPoison !== 'fatal')
    .map(({ id }) => `${id}: without its poison records a batch is run again`)
  return [...stateful, ...writing, ...rerun].map(
    (what) => `${what}, so batches cannot run side by side: set concurrentJobs to 1`,
  )
}
