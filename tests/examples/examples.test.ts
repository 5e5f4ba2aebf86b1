// Every example runs, ends by itself, and prints what it promises; the command is the one that its README names.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { programCommand } from '../world/programs.ts'

const examples = fs.readdirSync('examples').filter((file) => file.endsWith('.ts'))

/** A line or two that the example must print, whatever else it says. */
const promised: Readonly<Record<string, readonly string[]>> = {
  'access-log.ts': [
    'checkout: 2 requests, 0 errors',
    'discovery: 2 requests, 1 errors',
    'nobody: 1 requests, 0 errors',
  ],
  'anomaly-alerts.ts': ['boiler reads 95'],
  'hashtags.ts': ['#running 2', '6 hashtags in 4 posts'],
  'k-means.ts': ['ada read', 'bot-7 crawled', 'grace bounced'],
  'sessions.ts': ['ada: / > /cart > /paid', 'grace: /docs'],
  'trip-times.ts': ['ada arrives in 30 minutes'],
  'word-count.ts': ['to: 2', 'question: 1'],
}

/** One is started as the README says. The loader of TypeScript takes longer than an example runs: the others are bundled. */
function commandOf(file: string): string[] {
  if (file === 'word-count.ts') return [process.execPath, '--import', 'tsx', `examples/${file}`]
  return programCommand(`examples/${file}`)
}

describe('examples', () => {
  test('all of them are told of in the README and looked at here', () => {
    const readme = fs.readFileSync('examples/README.md', 'utf8')
    for (const file of examples) expect(readme).toContain(`\`${file}\``)
    expect(Object.keys(promised).sort()).toEqual(examples.sort())
  })

  test.concurrent.each(examples)('%s', async (file) => {
    const [program = '', ...args] = commandOf(file)
    const { stdout, stderr } = await promisify(execFile)(program, args)
    expect(stderr).toBe('')
    for (const line of promised[file] ?? []) expect(stdout).toContain(line)
  })
})
