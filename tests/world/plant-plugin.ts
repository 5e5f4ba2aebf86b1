// The half of `plant.ts` that runs in vite: a module asked for with `?plant=…` is loaded anew, and in the one file
// that the plant names, one line becomes another. Of what the module imports, only what leads to that file is loaded
// anew with it: a world has hundreds of modules, and most of them know nothing of the line.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

export interface Plant {
  /** From the root of the repository. */
  file: string
  /** The line, or a part of it that stands in the file once. */
  line: string
  becomes: string
}

const QUERY = '?plant='
const root = resolve(import.meta.dirname, '../..')
const OUR_IMPORTS = /(\bfrom\s+|\bimport\s*\(\s*)(['"])(\.{1,2}\/[^'"?]+\.ts)\2/g

/** The name under which the module runner keeps the planted copy of `module`, an absolute path. */
export function plantedId(module: string, plant: Plant): string {
  const planting: Planting = { ...plant, module }
  return module + QUERY + Buffer.from(JSON.stringify(planting)).toString('base64url')
}

/** A plant, and the module that is asked for with it. */
interface Planting extends Plant {
  module: string
}

/** Throws where the line is gone, or stands there more than once: then the plant proves nothing. */
export function withPlant(source: string, { file, line, becomes }: Plant): string {
  const parts = source.split(line)
  if (parts.length !== 2) throw new Error(`plant: ${file} has this ${parts.length - 1} times: ${line}`)
  return parts.join(becomes)
}

/** Says in the worker that the planted file was really loaded. */
export const PLANTED = '__planted'

/** The target, and the files behind `module` from which imports lead to it. */
function filesLeadingTo(target: string, module: string): Set<string> {
  const importers = new Map<string, string[]>([[module, []]])
  // What is found is looked at in its turn: a Map and a Set are walked to the end that they have by then.
  for (const file of importers.keys()) {
    if (!existsSync(file)) continue
    for (const [, , , specifier = ''] of readFileSync(file, 'utf8').matchAll(OUR_IMPORTS)) {
      const imported = resolve(dirname(file), specifier)
      const known = importers.get(imported)
      if (known === undefined) importers.set(imported, [file])
      else known.push(file)
    }
  }
  const leading = new Set([target])
  for (const file of leading) for (const importer of importers.get(file) ?? []) leading.add(importer)
  return leading
}

export function plantPlugin() {
  const leadingBy = new Map<string, Set<string>>()
  return {
    name: 'logmill-plant',
    enforce: 'pre' as const,
    load(id: string): string | undefined {
      const at = id.indexOf(QUERY)
      if (at < 0) return undefined
      const path = id.slice(0, at)
      const query = id.slice(at)
      const { module, ...plant } = JSON.parse(
        Buffer.from(query.slice(QUERY.length), 'base64url').toString(),
      ) as Planting
      const target = join(root, plant.file)
      let leading = leadingBy.get(query)
      // Looked up anew with every load of the module: sources change while vitest watches.
      if (leading === undefined || path === module) {
        leadingBy.set(query, (leading = filesLeadingTo(target, module)))
      }
      const leads = leading
      let source = readFileSync(path, 'utf8')
      if (path === target) {
        source = `${withPlant(source, plant)}\n;(globalThis as any).${PLANTED} = ${JSON.stringify(query)}\n`
      }
      return source.replace(OUR_IMPORTS, (all, before: string, quote: string, specifier: string) => {
        if (!leads.has(resolve(dirname(path), specifier))) return all
        return `${before}${quote}${specifier}${query}${quote}`
      })
    },
  }
}
