// What tests start as processes and threads, bundled once for a run: loaded from its sources a program takes longer to
// start than most of them run.

import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import type { TestProject } from 'vitest/node'

const root = resolve(import.meta.dirname, '../..')

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder of the programs, laid out as the sources are. */
    programs: string
  }
}

/** `programs` are sources, from the root of the repository. Resolves with what removes it all again. */
export async function bundle(project: TestProject, programs: string[]): Promise<() => void> {
  const directory = mkdtempSync(join(tmpdir(), 'logmill-programs-'))
  const remove = (): void => rmSync(directory, { recursive: true, force: true })
  try {
    await build({
      absWorkingDir: root,
      entryPoints: programs,
      outdir: directory,
      outbase: root,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      sourcemap: 'linked',
      plugins: [ownUrls(directory)],
    })
    // Packages are found from here, and JavaScript is taken for modules.
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ type: 'module' }))
  } catch (error) {
    remove()
    throw error
  }
  project.provide('programs', directory)
  return remove
}

/** A module that finds others by its URL finds them where they are when each is a file of its own. */
function ownUrls(directory: string): Plugin {
  return {
    name: 'own-urls',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const place = join(directory, relative(root, path).replace(/\.ts$/, '.js'))
        const url = JSON.stringify(pathToFileURL(place).href)
        return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url), loader: 'ts' }
      })
    },
  }
}
