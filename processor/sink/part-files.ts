// Rows as a directory of files: `part-00000` …, one for each row partition, empty ones too, and `_SUCCESS`. All of it
// is durable when it is done; where it stands until then is the caller's matter.

import { basename, dirname, join, resolve } from 'node:path'
import type { PutAside } from '../graph/contracts/files.ts'
import type { Dataset, TaskRunner } from '../rdd/dataset.ts'
import type { FileFormat, PartEncoder } from './file-format.ts'
import { type FileSystem, machineFiles, type OpenFile } from './file-system.ts'

export const SUCCESS = '_SUCCESS'
/** Bytes of a part file that gather before they are written. */
const WRITE_BYTES = 128 * 1024

/** Makes the directory, which must not be there. Rows are the format's, encoded. */
export async function writeParts<E>(
  directory: string,
  rows: Dataset<E>,
  executor: TaskRunner,
  format: FileFormat<never, E>,
  files: FileSystem = machineFiles,
): Promise<void> {
  const first = await makeFolder(directory, files)
  if (first === undefined) throw new Error(`${directory} is there already`)
  await rows.prepare(executor)
  for (let partition = 0; partition < rows.partitions; partition++) {
    const part = await PartFile.create(
      files,
      join(directory, `${partName(partition)}${format.extension ?? ''}`),
      format.newPart(),
    )
    try {
      await executor.drain(
        rows.open(partition, (row) => part.add(row)),
        () => part.write(WRITE_BYTES),
      )
      await part.finish()
    } finally {
      await part.close()
    }
  }
  await writeSynced(files, join(directory, SUCCESS))
  await syncDirectory(directory, files)
  await syncFoldersDown(files, dirname(resolve(first)), dirname(resolve(directory)))
}

/**
 * With those above it; returns the first one that was not there, or undefined where the directory was. Node's own
 * `recursive` says that there is no such directory where in truth the disk is full or must not be written.
 */
async function makeFolder(directory: string, files: FileSystem): Promise<string | undefined> {
  try {
    await files.mkdir(directory)
    return directory
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return undefined
    if (code !== 'ENOENT') throw error
  }
  const first = await makeFolder(dirname(directory), files)
  await files.mkdir(directory)
  return first ?? directory
}

/** Makes the names of new folders durable: in `top`, and in what lies between it and `bottom`. */
async function syncFoldersDown(files: FileSystem, top: string, bottom: string): Promise<void> {
  for (let folder = bottom; ; folder = dirname(folder)) {
    await syncDirectory(folder, files)
    if (folder === top || folder === dirname(folder)) return
  }
}

/** As an RDD's action: the directory shows whole. Throws where something is in its place. */
export async function saveRows<E>(
  directory: string,
  rows: Dataset<E>,
  executor: TaskRunner,
  format: FileFormat<never, E>,
): Promise<void> {
  if (await exists(directory)) throw new Error(`${directory} is there already`)
  const aside = join(dirname(directory), `.${basename(directory)}@saving`)
  await machineFiles.rm(aside, { recursive: true, force: true })
  await writeParts(aside, rows, executor, format)
  await machineFiles.rename(aside, directory)
  await syncDirectory(dirname(directory))
}

/**
 * Gives a directory that was put aside its name, durably, in the place of one that was there before; nothing where it
 * is not aside any more. Throws where it is not whole.
 */
export async function showDirectory(
  { aside, directory }: Omit<PutAside, 'operatorId'>,
  files: FileSystem = machineFiles,
): Promise<void> {
  const old = `${aside}.old`
  if (await exists(aside, files)) {
    if (!(await exists(join(aside, SUCCESS), files)))
      throw new Error(`${aside} counts, and its files are not whole`)
    if (await exists(directory, files)) await files.rename(directory, old)
    await files.rename(aside, directory)
    await syncDirectory(dirname(directory), files)
  }
  await files.rm(old, { recursive: true, force: true })
}

// Windows opens no directories; names are durable there with the file system's own log.
export async function syncDirectory(path: string, files: FileSystem = machineFiles): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await files.open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

export async function exists(path: string, files: FileSystem = machineFiles): Promise<boolean> {
  try {
    await files.stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function partName(partition: number): string {
  return `part-${String(partition).padStart(5, '0')}`
}

async function writeSynced(files: FileSystem, path: string): Promise<void> {
  const file = await files.open(path, 'wx')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

class PartFile<E> {
  private readonly file: OpenFile
  private readonly encoder: PartEncoder<E>

  private constructor(file: OpenFile, encoder: PartEncoder<E>) {
    this.file = file
    this.encoder = encoder
  }

  static async create<E>(files: FileSystem, path: string, encoder: PartEncoder<E>): Promise<PartFile<E>> {
    return new PartFile(await files.open(path, 'wx'), encoder)
  }

  add(row: E): void {
    this.encoder.add(row)
  }

  /** undefined: fewer bytes than that wait. */
  write(atLeast: number): Promise<void> | undefined {
    return this.encoder.size < atLeast ? undefined : this.append()
  }

  async finish(): Promise<void> {
    await this.append()
    const end = await this.encoder.end?.()
    if (end !== undefined && end.length > 0) await this.file.writeFile(end)
    await this.file.sync()
  }

  close(): Promise<void> {
    return this.file.close()
  }

  private async append(): Promise<void> {
    const bytes = await this.encoder.take()
    if (bytes.length > 0) await this.file.writeFile(bytes)
  }
}
