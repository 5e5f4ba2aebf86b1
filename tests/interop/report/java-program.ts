// What a Java program is to the reader of the report: a class is the script that runs it, a source file the part of
// Kafka's Java clients that it is written with.

import { basename } from 'node:path'
import { classes } from '../scripts.ts'
import type { Ran } from './ran.ts'

const byPrefix: readonly (readonly [prefix: string, Omit<Ran, 'version'>])[] = [
  ['Streams', { kind: 'framework', name: 'Kafka Streams' }],
  ['Share', { kind: 'client', name: 'Java share consumer' }],
  ['Admin', { kind: 'client', name: 'Java admin client' }],
  ['', { kind: 'client', name: 'Java client' }],
]

/** `main`: a class name, or the path of a source file. */
export function javaProgram(main: string): Omit<Ran, 'version'> {
  const script = Object.entries(classes).find(([, name]) => name === main)?.[0]
  if (script !== undefined) return { kind: 'tool', name: script }
  if (!main.endsWith('.java')) return { kind: 'tool', name: main }
  const [, program] = byPrefix.find(([prefix]) => basename(main).startsWith(prefix)) ?? []
  if (program === undefined) throw new Error(`${main} is no program of the suite`)
  return program
}
