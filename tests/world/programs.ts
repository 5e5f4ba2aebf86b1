// Programs that tests start, out of the bundle of this run (programs-setup.ts says what is in it).

import { join, relative, resolve } from 'node:path'
import { inject } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

/** Where a source, named from the root of the repository or absolutely, is in the bundle. */
export function programPath(source: string): string {
  return join(inject('programs'), relative(root, resolve(root, source)).replace(/\.ts$/, '.js'))
}

/** The command that runs it. */
export function programCommand(source: string, ...args: string[]): string[] {
  return [process.execPath, programPath(source), ...args]
}
