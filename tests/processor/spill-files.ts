// What a process has open of the files that hold rows: they have no names, so only Linux tells.

import fs from 'node:fs'

const OPEN = '/proc/self/fd'

export const canTell = fs.existsSync(OPEN)

/** Files without a name that were made in the directory. */
export function spillFilesOpen(directory: string): number {
  if (!canTell) return 0
  return fs
    .readdirSync(OPEN)
    .map((fd) => readlinkOf(`${OPEN}/${fd}`))
    .filter((target) => target.startsWith(`${directory}/logmill-rows-${process.pid}-`)).length
}

/** Descriptors come and go while they are listed. */
function readlinkOf(path: string): string {
  try {
    return fs.readlinkSync(path)
  } catch {
    return ''
  }
}
