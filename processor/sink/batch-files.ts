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
// alone writes nothing: what it had put aside is shown, wherever that was. Only where nobody knows any more what the last
// batch that counts had put aside is its directory looked for, and made where it is missing.
//
// What a batch has put aside, and what it is to be called, is staged with it: a program that writes elsewhere by now, or
// has no such output any more, still gives it the name that it was decided under. What else is aside of a batch that
// counts is never shown: a run that did not count left it, before the program wrote elsewhere, or it is another
// checkpoint's. Without a checkpoint it is known by its name alone.
//
// A directory of that name that was there before (another run of a job without a checkpoint) is replaced.

import { basename, dirname, join, resolve } from 'node:path'
import type { FilesAside, FilesRun, PutAside } from '../graph/contracts/files.ts'
import type { BatchStamp } from '../graph/contracts/rows.ts'
import type { Dataset, TaskRunner } from '../rdd/dataset.ts'
import type { FileFormat } from './file-format.ts'
import { type FileSystem, machineFiles } from './file-system.ts'
import { exists, showDirectory, SUCCESS, writeParts } from './part-files.ts'

export interface BatchFilesOptions {
  /** Path of the directories up to the batch's time. */
  readonly prefix: string
  readonly suffix: string | undefined
  /** Default: the machine's. */
  readonly fileSystem?: FileSystem
}

export class BatchFiles<E> implements FilesAside {
  private readonly options: BatchFilesOptions
  private readonly format: FileFormat<never, E>
  private readonly files: FileSystem
  private run: FilesRun | undefined
  /** Directory aside of the batch that runs. */
  private written: { readonly batchId: number; readonly putAside: PutAside } | undefined

  constructor(options: BatchFilesOptions, format: FileFormat<never, E>) {
    this.options = options
    this.format = format
    this.files = options.fileSystem ?? machineFiles
  }

  get target(): string {
    return this.directoryOf('TIME_MS')
  }

  /** Puts the batch's rows, encoded, aside: complete and durable when it resolves. `isRepeat`: the batch counts already. */
  async write(batch: BatchStamp, rows: Dataset<E>, executor: TaskRunner, isRepeat: boolean): Promise<void> {
    const { batchId } = batch
    const directory = this.directoryOf(String(batch.timeMs))
    this.written = undefined
    if (isRepeat && (this.isWritten(batchId) || (await exists(directory, this.files)))) return
    const aside = this.asideOf(directory, batchId)
    await this.files.rm(aside, { recursive: true, force: true })
    await writeParts(aside, rows, executor, this.format, this.files)
    this.written = { batchId, putAside: { operatorId: this.settled.operatorId, aside, directory } }
  }

  putAside(batch: BatchStamp): PutAside | undefined {
    const { written } = this
    return written?.batchId === batch.batchId ? written.putAside : undefined
  }

  async show(batch: BatchStamp): Promise<void> {
    const putAside = this.putAside(batch)
    if (putAside === undefined) return
    await showDirectory(putAside, this.files)
    this.written = undefined
  }

  async settle(run: FilesRun): Promise<void> {
    this.run = run
    const { lastBatchId, operatorId } = run
    const ours =
      run.putAside?.filter((entry) => entry.operatorId === operatorId) ?? (await this.asideOfLast())
    // First, as it was called then: the program may have another prefix by now.
    for (const entry of ours) await showDirectory(entry, this.files)
    const folders = [this.directoryOf('TIME_MS'), ...ours.map(({ directory }) => directory)].map(dirname)
    const aside = new RegExp(`^\\.(.+)${escape(this.owner)}@(\\d+)(\\.old)?$`, 's')
    for (const folder of new Set(folders)) {
      for (const name of await this.entriesOf(folder)) {
        const [, base, batchId, isOld] = aside.exec(name) ?? []
        if (base === undefined) continue
        if (isOld !== undefined || Number(batchId) > lastBatchId) {
          await this.files.rm(join(folder, name), { recursive: true, force: true })
        }
      }
    }
  }

  /** A batch that counts: whatever it has written is shown. */
  private isWritten(batchId: number): boolean {
    const { lastBatchId, putAside } = this.settled
    return putAside !== undefined || batchId < lastBatchId
  }

  private async asideOfLast(): Promise<PutAside[]> {
    const { lastBatchId, lastTimeMs, operatorId } = this.settled
    if (lastTimeMs === undefined) return []
    const directory = this.directoryOf(String(lastTimeMs))
    const aside = this.asideOf(directory, lastBatchId)
    return (await exists(join(aside, SUCCESS), this.files)) ? [{ operatorId, aside, directory }] : []
  }

  private async entriesOf(folder: string): Promise<string[]> {
    try {
      return await this.files.readdir(folder)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  private directoryOf(time: string): string {
    const { prefix, suffix } = this.options
    return resolve(`${prefix}-${time}${suffix === undefined ? '' : `.${suffix}`}`)
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

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
