// Every example runs with the one command that its README names, ends by itself, and prints what it promises.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

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
  'word-count.ts': ['to: 2', 'question: 1'],
}

describe('examples', () => {
  test('all of them are told of in the README and looked at here', () => {
    const readme = fs.readFileSync('examples/README.md', 'utf8')
    for (const file of examples) expect(readme).toContain(`\`${file}\``)
    expect(Object.keys(promised).sort()).toEqual(examples.sort())
  })

  test.concurrent.each(examples)('%s', async (file) => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      '--import',
      'tsx',
      `examples/${file}`,
    ])
    expect(stderr).toBe('')
    for (const line of promised[file] ?? []) expect(stdout).toContain(line)
  })
})
