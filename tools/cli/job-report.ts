// A checkpoint's report as text for people and as JSON for programs.

import type { CheckpointReport } from '../../processor/checkpoint/inspect.ts'

/** Offsets are strings in JSON, which has no 64-bit numbers. */
export function jsonOf(report: CheckpointReport): string {
  return JSON.stringify(report, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2)
}

const count = (n: number): string => n.toLocaleString('en-US')
const time = (ms: number): string => new Date(ms).toISOString()

export function reportText(report: CheckpointReport): string {
  const { appName, checkpointId, intervalMs, lastBatch, undecided, replayable, damage } = report
  const trigger = intervalMs === undefined ? 'as soon as there is data' : `every ${count(intervalMs)} ms`
  const lines = [`job '${appName}', a batch ${trigger}, checkpoint ${checkpointId}`]
  lines.push(
    lastBatch === undefined
      ? 'no batch is decided'
      : `last decided batch ${lastBatch.batchId} of ${time(lastBatch.timeMs)}`,
  )
  if (undecided.length > 0) lines.push(`staged, decided or not as the log says: ${undecided.join(', ')}`)
  if (replayable !== undefined) lines.push(`replay can run batches ${replayable.from} to ${replayable.to}`)
  lines.push('', 'inputs go on at')
  for (const { inputId, positions } of report.inputs) {
    for (const { topic, partition, offset } of positions)
      lines.push(`  ${inputId}: ${topic}-${partition} ${offset}`)
  }
  lines.push('', report.state.length === 0 ? 'no state' : 'state')
  for (const { id, shape, version, keys, sizeInBytes } of report.state) {
    lines.push(`  ${id} (${shape}, version ${version}): ${count(keys)} keys, ${count(sizeInBytes)} bytes`)
  }
  lines.push('', report.plans.length === 0 ? 'no plans are kept' : 'plans')
  for (const { batchId, timeMs, records, status } of report.plans) {
    lines.push(`  batch ${batchId} of ${time(timeMs)}: ${count(records)} rows, ${status}`)
  }
  lines.push(
    '',
    `on disk ${report.generations.map(({ name, batchId }) => `${name} behind batch ${batchId}`).join(', ')}`,
  )
  for (const what of damage) lines.push(`damaged: ${what}`)
  return lines.join('\n')
}
