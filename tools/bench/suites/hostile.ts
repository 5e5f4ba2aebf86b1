// The longest that a client who means harm can hold the event loop: damaged requests of every API (tests/fuzz), in a
// process of their own.

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
  ]
}
