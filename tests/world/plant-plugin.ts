// The half of `plant.ts` that runs in vite: a module asked for with `?plant=…` is loaded anew with all that it
// imports of ours, and in the one file that the plant names, one line becomes another.

import { readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'

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

/** The name under which the module runner keeps the planted copy. */
export function plantedId(module: string, plant: Plant): string {
  return module + QUERY + Buffer.from(JSON.stringify(plant)).toString('base64url')
}

/** Throws where the line is gone, or stands there more than once: then the plant proves nothing. */
export function withPlant(source: string, { file, line, becomes }: Plant): string {
  const parts = source.split(line)
  if (parts.length !== 2) throw new Error(`plant: ${file} has this ${parts.length - 1} times: ${line}`)
  return parts.join(becomes)
}

/** Says in the worker that the planted file was really loaded. */
export const PLANTED = '__planted'

export function plantPlugin() {
  return {
    name: 'logmill-plant',
    enforce: 'pre' as const,
    load(id: string): string | undefined {
      const at = id.indexOf(QUERY)
      if (at < 0) return undefined
      const path = id.slice(0, at)
      const query = id.slice(at)
      const plant = JSON.parse(Buffer.from(query.slice(QUERY.length), 'base64url').toString()) as Plant
      let source = readFileSync(path, 'utf8')
      if (relative(root, path) === plant.file) {
        source = `${withPlant(source, plant)}\n;(globalThis as any).${PLANTED} = ${JSON.stringify(query)}\n`
      }
      return source.replace(OUR_IMPORTS, (_, before: string, quote: string, specifier: string) => {
        return `${before}${quote}${specifier}${query}${quote}`
      })
    },
  }
}
