// The text that the demo streams: always the same lines in the same order, so that a line's number is its
// place in the topic.

import { createReadStream, readdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'

const TEXT = new Set(['.md', '.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'])
/** What changes while the demo runs is not a corpus. */
const LEFT_OUT = new Set(['.git', '.logmill', '.logmill-demo', 'dist', 'coverage', '.cache'])

/** Text files below a folder, in name order; links are not followed. */
function* textFiles(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!LEFT_OUT.has(entry.name)) yield* textFiles(path)
    } else if (entry.isFile() && TEXT.has(extname(entry.name))) {
      yield path
    }
  }
}

/** The lines of a file (`-`: standard input), or of every text file below `root`. */
export async function* corpusLines(input: string | undefined, root: string): AsyncGenerator<string> {
  if (input === '-') yield* createInterface({ input: process.stdin })
  else if (input !== undefined) yield* createInterface({ input: createReadStream(input) })
  else for (const file of textFiles(root)) yield* createInterface({ input: createReadStream(file) })
}
