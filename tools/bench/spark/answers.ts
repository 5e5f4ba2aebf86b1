// What jobs have written must be the same, value by value, before any figure of them counts.

import fs from 'node:fs'
import path from 'node:path'
import { walkFile } from '../reference/hand-loops.ts'

const BLOCK_BYTES = 4 * 1024 * 1024

/** Values of a partition's segment files with how often each is there, markers of transactions left out. */
export function valuesOf(directory: string): Map<string, number> {
  const values = new Map<string, number>()
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  for (const name of fs.readdirSync(directory).filter((file) => file.endsWith('.log'))) {
    walkFile(path.join(directory, name), block, (buffer, start, end) => {
      // A marker's value begins with its version, zero. Text never does.
      if (buffer[start] === 0) return
      const value = buffer.toString('latin1', start, end)
      values.set(value, (values.get(value) ?? 0) + 1)
    })
  }
  return values
}

/** What is wrong, in words, or undefined where both have the same values, in whatever order, and at least one. */
export function differenceOf(
  expected: ReadonlyMap<string, number>,
  found: ReadonlyMap<string, number>,
): string | undefined {
  if (expected.size === 0) return 'nothing was written'
  for (const value of new Set([...expected.keys(), ...found.keys()])) {
    const [left, right] = [expected.get(value) ?? 0, found.get(value) ?? 0]
    if (left !== right) return `'${value}' is there ${right} times instead of ${left}`
  }
  return undefined
}
