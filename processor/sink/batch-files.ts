// Files of batches: a directory a batch, `prefix-TIME_MS[.suffix]`, with a part file for each row partition and
// `_SUCCESS`. A reader sees a whole directory of a batch that counts, or none.
//
//    rows ─► .NAME@job@operator@id/part-00000 …  all synced ─► the decision ─► renamed to NAME ─► folder synced
//
// Dying is harmless everywhere:
//    while it is written          the batch is not decided: the next start removes what is aside, the batch runs again
//    written, not yet decided     the same
//    decision unknown             the next start asks the log first, and it is one of the two
//    decided, not yet renamed     the next start renames: what is aside was synced before the decision
//    of several outputs, some     each is settled by itself
//    renamed, folder not synced   after a power cut it may be aside again: renamed again
//
// Showing files before the decision would be simpler, and wrong: a batch that fails after it, or whose program is
// changed before it runs again, would have shown what never counted. A batch that is computed again for its state
// alone finds its directory there and leaves it.
//
// A directory of that name that was there before (another run of a job without a checkpoint) is replaced.

import { readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { FilesAside, FilesRun } from '../graph/contracts/files.ts'
import type { BatchStamp } from '../graph/contracts/rows.ts'
import type { Dataset, TaskRunner } from '../rdd/dataset.ts'
import type { FileFormat } from './file-format.ts'
import { exists, SUCCESS, syncDirectory, writeParts } from './part-files.ts'

export interface BatchFilesOptions {
  /** Path of the directories up to the batch's time. */
  readonly prefix: string
  readonly suffix: string | undefined
}

export class BatchFiles<E> implements FilesAside {
  private readonly options: BatchFilesOptions
  private readonly format: FileFormat<never, E>
  private run: FilesRun | undefined
  /** Directory aside of the batch that runs. */
  private written: { batchId: number; aside: string; directory: string } | undefined

  constructor(options: BatchFilesOptions, format: FileFormat<never, E>) {
    this.options = options
    this.format = format
  }

  get target(): string {
    return this.directoryOf('TIME_MS')
  }

  /** Puts the batch's rows, encoded, aside: complete and durable when it resolves. `isRepeat`: the batch counts already. */
  async write(batch: BatchStamp, rows: Dataset<E>, executor: TaskRunner, isRepeat: boolean): Promise<void> {
    const { batchId } = batch
    const directory = this.directoryOf(String(batch.timeMs))
    this.written = undefined
    if (isRepeat && (await exists(directory))) return
    const aside = this.asideOf(directory, batchId)
    await rm(aside, { recursive: true, force: true })
    await writeParts(aside, rows, executor, this.format)
    this.written = { batchId, aside, directory }
  }

  async show({ batchId }: BatchStamp): Promise<void> {
    const { written } = this
    if (written?.batchId !== batchId) return
    await this.rename(written.aside, written.directory)
    this.written = undefined
  }

  async settle(run: FilesRun): Promise<void> {
    this.run = run
    const { lastBatchId } = run
    const example = this.directoryOf('\0')
    const folder = dirname(example)
    const [before, after] = basename(example).split('\0').map(escape) as [string, string]
    const ours = new RegExp(`^\\.(${before}\\d+${after})${escape(this.owner)}@(\\d+)(\\.old)?$`)
    for (const name of await entriesOf(folder)) {
      const [, base, batchId, isOld] = ours.exec(name) ?? []
      if (base === undefined) continue
      const aside = join(folder, name)
      if (isOld !== undefined || Number(batchId) > lastBatchId) {
        await rm(aside, { recursive: true, force: true })
      } else if (await exists(join(aside, SUCCESS))) {
        await this.rename(aside, join(folder, base))
      } else {
        throw new Error(`${aside}: batch ${batchId} counts, and its files are not whole`)
      }
    }
  }

  private async rename(aside: string, directory: string): Promise<void> {
    if (await exists(directory)) {
      await rename(directory, `${aside}.old`)
      await rename(aside, directory)
      await rm(`${aside}.old`, { recursive: true, force: true })
    } else {
      await rename(aside, directory)
    }
    await syncDirectory(dirname(directory))
  }

  private directoryOf(time: string): string {
    const { prefix, suffix } = this.options
    return `${prefix}-${time}${suffix === undefined ? '' : `.${suffix}`}`
  }

  private asideOf(directory: string, batchId: number): string {
    return join(dirname(directory), `.${basename(directory)}${this.owner}@${batchId}`)
  }

  /** Two jobs may write into one folder, and an operator's name hold any character; @ is not among the encoded. */
  private get owner(): string {
    const { appName, operatorId } = this.settled
    return `@${encodeURIComponent(appName)}@${encodeURIComponent(operatorId)}`
  }

  private get settled(): FilesRun {
    if (this.run === undefined) throw new Error('files are written before they were settled')
    return this.run
  }
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
