// Kafka's command line tools by the names of their scripts, which is how people call them: each script of Kafka's
// bin/ is one Java class. Options are written in the spelling of Kafka 4.2 (KIP-1147); the one before it works until
// 5.0, and `spelled('before', …)` says the same in it.

import { java, javaMissing } from './clients.ts'
import { classes, renamed, type Script } from './scripts.ts'
import { run } from './world.ts'

export type { Script } from './scripts.ts'

/** `since`: as KIP-1147 spells it; `before`: as it was spelled until Kafka 4.1, understood until 5.0. */
export type Spelling = 'since' | 'before'
export const spellings: readonly Spelling[] = ['since', 'before']

export const toolsMissing = javaMissing

/** The command that the script runs, to be given to `run` or `Running`. */
export function tool(script: Script, ...args: string[]): string[] {
  return java(classes[script], ...args)
}

/** The arguments of a script as a spelling has them. Throws where nothing in them was renamed: then there is one. */
export function spelled(spelling: Spelling, script: Script, ...args: string[]): string[] {
  const names = renamed[script] ?? {}
  if (!args.some((arg) => arg in names)) throw new Error(`${script}: no option of these has two spellings`)
  return spelling === 'since' ? args : args.map((arg) => names[arg] ?? arg)
}

/** Runs a tool that takes `--bootstrap-server`; the lines of its standard output. Throws unless it ends with 0. */
export function runTool(bootstrap: string, script: Script, ...args: string[]): Promise<string[]> {
  return run(tool(script, '--bootstrap-server', bootstrap, ...args))
}

/** The rows of a table that a tool printed, by the header's names; no cell may have a space in it. */
export function table(lines: readonly string[], firstColumn: string): Record<string, string>[] {
  const start = lines.findIndex((line) => line.startsWith(firstColumn))
  const names = (lines[start] ?? '').trim().split(/\s+/)
  const cells = (line: string): string[] => line.trim().split(/\s+/)
  return lines
    .slice(start + 1)
    .filter((line) => line.trim() !== '')
    .map((line) => Object.fromEntries(cells(line).map((cell, i) => [names[i] ?? '', cell])))
}
