// The longest that a client who means harm can hold the event loop: damaged requests of every API, and batches that are
// well-formed and stand for very much more than their bytes (tests/fuzz); each in a process of its own.

import path from 'node:path'
import { runBeside } from '../child.ts'
import type { Outcome } from '../figure.ts'
import type { SuiteContext } from '../suite.ts'

export async function hostile(context: SuiteContext): Promise<Outcome[]> {
  const script = path.join(context.root, 'tests', 'fuzz', 'stall.ts')
  const frames = context.quick ? 20_000 : 300_000
  const said = await runBeside(process.execPath, ['--import', 'tsx', script, String(frames)])
  const { ms, api } = JSON.parse(said) as { ms: number; api: string }
  return [
    {
      suite: 'hostile',
      name: `longest stall, ${frames.toLocaleString('en-US')} damaged requests`,
      unit: 'ms',
      better: 'less',
      value: ms,
      note: `${api}; processor time, with garbage collection in it`,
    },
    ...(await bombs(context)),
  ]
}

async function bombs({ root }: SuiteContext): Promise<Outcome[]> {
  const said = await runBeside(process.execPath, [
    '--import',
    'tsx',
    path.join(root, 'tests', 'fuzz', 'bombs.ts'),
  ])
  return Object.entries(JSON.parse(said) as Record<string, number>).map(([shape, value]) => ({
    suite: 'hostile',
    name: `longest stall, a produce of ${shape}`,
    unit: 'ms',
    better: 'less',
    value,
    note: 'processor time of the thread, the best of five',
  }))
}
