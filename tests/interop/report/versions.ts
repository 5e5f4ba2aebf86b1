// The versions of what others made, asked of the very thing that is run.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

function found(pattern: RegExp, text: string): string {
  const version = pattern.exec(text)?.[1]
  if (version === undefined) throw new Error(`no version by ${pattern} in: ${text.slice(0, 500)}`)
  return version
}

/** Of the jar of an artifact on a class path. */
export function jarVersion(classpath: readonly string[], artifact: string): string {
  return found(new RegExp(`/${artifact}-([^/]+)\\.jar$`, 'm'), classpath.join('\n'))
}

/** Of a distribution in a folder of Python packages; `name` as its folder spells it. */
export function pythonVersion(packages: string, name: string): string {
  return found(new RegExp(`^${name}-(.+)\\.dist-info$`, 'm'), readdirSync(packages).join('\n'))
}

export function npmVersion(folder: string, name: string): string {
  const text = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

const known = new Map<string, string>()

/** What a command says of itself is asked once. */
function says(command: string, ...args: string[]): string {
  const key = [command, ...args].join(' ')
  const text = known.get(key) ?? execFileSync(command, args, { encoding: 'utf8' })
  known.set(key, text)
  return text
}

/** Of a module that was built into a Go program. */
export function goVersion(program: string, module: string): string {
  return found(new RegExp(`dep\\s+${module}\\s+v(\\S+)`), says('go', 'version', '-m', program))
}

export function kcatVersion(): string {
  const text = says('kcat', '-V')
  return `${found(/Version (\S+)/, text)} with librdkafka ${found(/librdkafka (\S+)/, text)}`
}
