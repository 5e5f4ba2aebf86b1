// Latency at a steady 1,000 records a second, measured by librdkafka from outside: produce to acknowledgement
// with and without a Grep in the broker's process, and produce to the copy that a job makes, seen by a
// read_committed consumer.

import { bars } from '../bars.ts'
import { runBeside } from '../child.ts'
import type { Figure, Outcome } from '../figure.ts'
import { hosted, type Latencies, paced, pacedTools, RATE, secondsOf, VALUE_BYTES } from '../paced.ts'
import type { SuiteContext } from '../suite.ts'

export async function latency(context: SuiteContext): Promise<Outcome[]> {
  const tools = pacedTools(context)
  if ('reason' in tools) return [{ suite: 'latency', name: 'all', reason: tools.reason }]
  const { load } = tools
  const seconds = secondsOf(context)
  const rounds = context.quick ? 1 : 3
  const alone: Latencies[] = []
  const besideGrep: Latencies[] = []
  const through: Latencies[] = []
  for (let round = 0; round < rounds; round++) {
    alone.push(await paced(context, tools, ['none']))
    besideGrep.push(await paced(context, tools, ['grep']))
    through.push(
      await hosted(context, tools, ['through'], (broker) =>
        runBeside(load, ['through', broker.bootstrapServers, 'in', 'out', VALUE_BYTES, RATE, seconds]),
      ),
    )
  }
  const best = (of: Latencies[], by: 'p50Ms' | 'p99Ms'): number => Math.min(...of.map((each) => each[by]))
  const base = { suite: 'latency', unit: 'ms', better: 'less' } as const
  const figures: Figure[] = [
    { ...base, name: 'produce to acknowledgement, alone: p50', value: best(alone, 'p50Ms') },
    { ...base, name: 'produce to acknowledgement, alone: p99', value: best(alone, 'p99Ms') },
    {
      ...base,
      name: 'produce to acknowledgement while Grep runs in the process: p99',
      value: best(besideGrep, 'p99Ms'),
      reference: { name: 'alone', value: best(alone, 'p99Ms') },
      bar: bars.produceBesideGrep,
      note: `p50 ${best(besideGrep, 'p50Ms').toFixed(2)} ms`,
    },
    {
      ...base,
      name: 'produce to output visible, asap trigger, exactly once: p50',
      value: best(through, 'p50Ms'),
      bar: bars.endToEndMedian,
    },
    {
      ...base,
      name: 'produce to output visible, asap trigger, exactly once: p99',
      value: best(through, 'p99Ms'),
      bar: bars.endToEndTail,
    },
  ]
  return figures
}
