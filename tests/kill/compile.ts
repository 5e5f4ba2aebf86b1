// The programs of this suite, compiled once for a run: with its sources in TypeScript a program takes longer to start
// than most of these lives last, and so would die of nothing but its start.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'

const root = resolve(import.meta.dirname, '../..')

/** What is started, and what threads begin with, which nobody imports. */
const PROGRAMS = [
  'tests/kill/victim.ts',
  'tests/kill/loader.ts',
  'processor/executor/workers/worker.ts',
  'broker/server/inspection/worker.ts',
]

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder of the compiled programs, laid out as the sources are. */
    compiled: string
  }
}

export default function compile(project: TestProject): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'logmill-kill-programs-'))
  const remove = (): void => rmSync(directory, { recursive: true, force: true })
  try {
    const config = join(directory, 'tsconfig.json')
    writeFileSync(config, JSON.stringify(tsconfig(directory)))
    // Packages are found from here, and JavaScript is taken for modules.
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ type: 'module' }))
    const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
    execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', config], { stdio: 'inherit' })
  } catch (error) {
    remove()
    throw error
  }
  project.provide('compiled', directory)
  return remove
}

/** Types are checked by `npm run check`. */
function tsconfig(outDir: string): object {
  return {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { noEmit: false, noCheck: true, rootDir: root, outDir },
    include: [],
    files: PROGRAMS.map((program) => join(root, program)),
  }
}
