// Paths below the data directory, checked before they reach an operating system: relative, '/'-separated,
// no segment that climbs or hides a separator. Names from the wire become directory names, so this is the
// last fence (the topic name rule is the first).

import { StorageError } from './storage.ts'

/** The segments of a path; '' is the data directory itself. Throws StorageError on anything else. */
export function pathSegments(path: string): string[] {
  if (path === '') return []
  const segments = path.split('/')
  for (const segment of segments) {
    if (
      segment === '' ||
      segment === '.' ||
      segment === '..' ||
      segment.length > 255 ||
      hasForbidden(segment)
    ) {
      throw new StorageError(path, `not a path inside the data directory (segment '${segment}')`)
    }
  }
  return segments
}

/** The folder part and the last segment. Throws StorageError where there is no last segment. */
export function splitPath(path: string): { directory: string; name: string } {
  const segments = pathSegments(path)
  const name = segments.pop()
  if (name === undefined) throw new StorageError(path, 'the data directory itself is not a file')
  return { directory: segments.join('/'), name }
}

function hasForbidden(segment: string): boolean {
  for (let i = 0; i < segment.length; i++) {
    const code = segment.charCodeAt(i)
    if (code < 0x20 || code === 0x7f || code === 0x5c) return true
  }
  return false
}

/** Name for a content that is being written aside by replaceFile; left-overs are removed at open. */
export const TEMPORARY_SUFFIX = '.tmp'
