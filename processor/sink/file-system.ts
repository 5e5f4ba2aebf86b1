// What files of batches ask of a file system: node's own calls, so that the machine's is `node:fs/promises` as it is, and
// a simulation may lose what was not synced. Bytes are durable after their file's sync, names after their folder's.

import fs from 'node:fs/promises'

export interface OpenFile {
  writeFile(bytes: Uint8Array): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/** Errors carry the system's `code`, as ENOENT. */
export interface FileSystem {
  mkdir(path: string): Promise<unknown>
  /** `wx`: makes a file that must not be there. `r`: a folder, to be synced. */
  open(path: string, flags: 'wx' | 'r'): Promise<OpenFile>
  readdir(path: string): Promise<string[]>
  rename(from: string, to: string): Promise<void>
  rm(path: string, options: { recursive: true; force: true }): Promise<void>
  stat(path: string): Promise<unknown>
}

export const machineFiles: FileSystem = fs
