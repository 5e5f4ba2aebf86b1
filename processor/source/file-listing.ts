// The files that lie in a directory, or in all directories that a pattern matches (`*`, `?`, `[abc]`, `{a,b}` within
// a name). Directories inside them are left out, and so is what vanishes while it is looked at.

import { readdir, stat } from 'node:fs/promises'
import { isAbsolute, join, parse, resolve, sep } from 'node:path'
import type { PlannedFile } from '../graph/contracts/source.ts'

const IS_PATTERN = /[*?[{]/

/** A directory that is not there (yet) has no files. */
export async function listFiles(
  directory: string,
  filter: (path: string) => boolean,
): Promise<PlannedFile[]> {
  const directories = await directoriesOf(directory)
  const lists = await Promise.all(
    directories.map(async (each) => {
      const entries = await lenient(readdir(each, { withFileTypes: true }), [])
      const paths = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => join(each, name))
      return Promise.all(paths.filter(filter).map(look))
    }),
  )
  return lists.flat().filter((file) => file !== undefined)
}

async function look(path: string): Promise<PlannedFile | undefined> {
  const found = await lenient(stat(path), undefined)
  if (found === undefined || !found.isFile()) return undefined
  return { path, sizeInBytes: found.size, modifiedMs: found.mtimeMs }
}

async function directoriesOf(pattern: string): Promise<string[]> {
  const absolute = isAbsolute(pattern) ? pattern : resolve(pattern)
  const { root } = parse(absolute)
  let found = [root]
  for (const name of absolute.slice(root.length).split(sep)) {
    if (name === '') continue
    if (!IS_PATTERN.test(name)) {
      found = found.map((parent) => join(parent, name))
      continue
    }
    const expression = expressionOf(name)
    const below = found.map(async (parent) => {
      const entries = await lenient(readdir(parent, { withFileTypes: true }), [])
      return entries
        .filter((entry) => entry.isDirectory() && expression.test(entry.name))
        .map((entry) => join(parent, entry.name))
    })
    found = (await Promise.all(below)).flat().sort()
  }
  return found
}

function expressionOf(pattern: string): RegExp {
  let depth = 0
  const text = pattern.replace(/\[!?[^\]]*\]|[\s\S]/g, (part) => {
    if (part.length > 1) return part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
    if (part === '*') return '.*'
    if (part === '?') return '.'
    if (part === '{') return depth++ >= 0 ? '(?:' : part
    if (part === '}' && depth > 0) return depth-- > 0 ? ')' : part
    if (part === ',' && depth > 0) return '|'
    return part.replace(/[.*+?^${}()|[\]\\]/, '\\$&')
  })
  if (depth !== 0) throw new TypeError(`'${pattern}' has a brace that is not closed`)
  return new RegExp(`^${text}$`, 's')
}

/** What is not there gives `nothing`; other failures are thrown. */
async function lenient<T, N>(looking: Promise<T>, nothing: N): Promise<T | N> {
  try {
    return await looking
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return nothing
    throw error
  }
}
