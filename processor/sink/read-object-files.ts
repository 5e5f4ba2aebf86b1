// Reads what saveAsObjectFiles wrote: the rows of one batch's directory, in the order of their partitions.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readObjects } from './file-format.ts'

/** Throws where the directory is not a whole one, or a file is damaged. */
export async function* readObjectFiles(directory: string): AsyncGenerator<unknown, void, undefined> {
  const names = await readdir(directory)
  if (!names.includes('_SUCCESS')) throw new Error(`${directory} is not a whole directory of object files`)
  for (const name of names.filter((each) => each.startsWith('part-')).toSorted(byNumber)) {
    const path = join(directory, name)
    yield* readObjects(await readFile(path), path)
  }
}

// Above 99999 partitions numbers have more digits.
function byNumber(a: string, b: string): number {
  return Number(a.slice('part-'.length)) - Number(b.slice('part-'.length))
}
