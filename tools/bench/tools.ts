// The two programs that are not JavaScript: the client that makes the load, and the broker that logmill is
// compared with. Each is built where its compiler is; where not, the reason is part of the report.

import path from 'node:path'
import { run } from './child.ts'
import type { SuiteContext } from './suite.ts'

export type Tool = { file: string } | { reason: string }

export function buildLoad({ root, directory }: SuiteContext): Tool {
  const source = path.join(root, 'tools', 'bench', 'native', 'load.c')
  const file = path.join(directory, 'load')
  return build('librdkafka load (cc and librdkafka-dev)', file, () =>
    run('cc', ['-O2', '-o', file, source, '-lrdkafka', '-lpthread']),
  )
}

export function buildKfake({ root, directory }: SuiteContext): Tool {
  const file = path.join(directory, 'kfake')
  return build('kfake (go)', file, () =>
    run('go', ['build', '-o', file, '.'], path.join(root, 'tools', 'bench', 'kfake')),
  )
}

function build(name: string, file: string, make: () => void): Tool {
  try {
    make()
    return { file }
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string }
    if (code === 'ENOENT') return { reason: `${name}: there is no compiler for it here` }
    return { reason: `${name} could not be built: ${stderr?.trim().split('\n')[0] ?? String(error)}` }
  }
}
