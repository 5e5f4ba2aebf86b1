// Files of a directory as an input of the graph: each batch takes those that came since (file-selection.ts). Their
// list is the batch's plan, so a rerun and a window read the same files, and a restart takes none twice.

import type { Clock, Timer } from '../../broker/time/clock.ts'
import type { OffsetRange, PlannedFile, SourcePosition } from '../graph/contracts/source.ts'
import { durationMs, type Duration } from '../graph/duration.ts'
import type { NodeSpec } from '../graph/graph.ts'
import type { InputDriver, InputPlan } from '../graph/node.ts'
import { listFiles } from '../source/file-listing.ts'
import { FileSelection } from '../source/file-selection.ts'
import { FilesDataset, type FileFormat } from '../source/planned-files.ts'
import type { OperatorOptions } from './options.ts'

export interface FileStreamOptions extends OperatorOptions {
  /** Files that count, by their whole path; default: those whose name does not begin with a dot. */
  readonly filter?: (path: string) => boolean
  /** false: also files that were there before the job began, as far as the remember window reaches. Default true. */
  readonly newFilesOnly?: boolean
  /** Files may show up so long after their modification time; default 60 s (Spark's minRememberDuration). */
  readonly minRemember?: Duration
}

/** With the as-soon-as-data trigger: how often the directory is looked at. */
const LOOK_EVERY_MS = 200

class FileInput<T> implements InputDriver {
  readonly durable = true
  readonly isForeign = true
  readonly description: string
  private readonly directory: string
  private readonly format: FileFormat<T>
  private readonly clock: Clock
  private readonly filter: (path: string) => boolean
  private readonly newFilesOnly: boolean
  private readonly rememberMs: number
  private selection: FileSelection
  /** Since when files count, as it stands in positions, so that a restart does not take older ones. */
  private sinceMs = 0
  /** Files taken over the life of the job. */
  private count = 0n
  private readonly planned = new Map<number, FilesDataset<T>>()
  private readonly callbacks = new Set<() => void>()
  private timer: Timer | undefined
  private isWatching = false

  constructor(
    directory: string,
    format: FileFormat<T>,
    rememberMs: number,
    clock: Clock,
    { filter = isVisible, newFilesOnly = true }: FileStreamOptions,
  ) {
    this.directory = directory
    this.description = `files of ${directory}`
    this.format = format
    this.clock = clock
    this.filter = filter
    this.newFilesOnly = newFilesOnly
    this.rememberMs = rememberMs
    this.selection = new FileSelection(rememberMs, 0)
  }

  start(positions: readonly SourcePosition[]): Promise<void> {
    const position = positions.find(({ topic }) => topic === this.topic)
    this.sinceMs =
      position === undefined ? (this.newFilesOnly ? this.clock.now() : 0) : msOf(position.topicId)
    this.count = position?.offset ?? 0n
    this.selection = new FileSelection(this.rememberMs, this.sinceMs)
    return Promise.resolve()
  }

  async plan(timeMs: number, intervalMs: number | undefined): Promise<InputPlan> {
    const found = await listFiles(this.directory, this.filter)
    const files = this.selection.select(found, timeMs)
    const until = this.count + BigInt(files.length)
    const { topic, sinceMs, count: from } = this
    const range = { topic, partition: 0, topicId: idOf(sinceMs), from, until, files }
    this.count = until
    if (intervalMs === undefined) this.watch()
    return this.keep(timeMs, [range])
  }

  restore(timeMs: number, ranges: readonly OffsetRange[]): InputPlan {
    return this.keep(timeMs, ranges)
  }

  rows(timeMs: number): FilesDataset<T> | undefined {
    return this.planned.get(timeMs)
  }

  release(timeMs: number): void {
    this.planned.get(timeMs)?.release()
    this.planned.delete(timeMs)
  }

  onAdvance(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }

  /** Files that have come since the last batch belong to a last one. */
  drain(): Promise<void> {
    this.advanced()
    return Promise.resolve()
  }

  stop(): Promise<void> {
    this.isWatching = false
    this.timer?.cancel()
    for (const files of this.planned.values()) files.release()
    this.planned.clear()
    this.callbacks.clear()
    return Promise.resolve()
  }

  private get topic(): string {
    return `files:${this.directory}`
  }

  private keep(timeMs: number, ranges: readonly OffsetRange[]): InputPlan {
    const files: readonly PlannedFile[] = ranges.flatMap((range) => range.files ?? [])
    this.selection.take(files, timeMs)
    this.planned.set(timeMs, new FilesDataset(files, this.format))
    return { ranges, records: files.length, more: false }
  }

  private watch(): void {
    if (this.isWatching) return
    this.isWatching = true
    this.lookAgain()
  }

  private lookAgain(): void {
    this.timer = this.clock.setTimer(LOOK_EVERY_MS, () => {
      void this.look().then(() => {
        if (this.isWatching) this.lookAgain()
      })
    })
  }

  private async look(): Promise<void> {
    try {
      const found = await listFiles(this.directory, this.filter)
      if (this.selection.select(found, this.clock.now()).length === 0) return
    } catch {
      // The plan that follows meets it, too, and says so.
    }
    this.advanced()
  }

  private advanced(): void {
    for (const callback of this.callbacks) callback()
  }
}

export function fileStream<T>(
  directory: string,
  format: FileFormat<T>,
  { clock, intervalMs }: { readonly clock: Clock; readonly intervalMs: number | undefined },
  options: FileStreamOptions,
): NodeSpec<T> {
  const slideMs = intervalMs ?? 1
  const rememberMs = Math.ceil(durationMs(options.minRemember ?? '60s', 'minRemember') / slideMs) * slideMs
  const input = new FileInput(directory, format, rememberMs, clock, options)
  return {
    kind: 'fileStream',
    name: options.name,
    namedAfter: input.description,
    parents: [],
    rememberMs,
    input,
    compute: (timeMs) => input.rows(timeMs),
  }
}

function isVisible(path: string): boolean {
  return !/(^|[/\\])\.[^/\\]*$/.test(path)
}

/** A time in the form of a topic id. */
function idOf(ms: number): string {
  return BigInt(Math.floor(ms)).toString(16).padStart(32, '0')
}

function msOf(topicId: string): number {
  return Number(BigInt(`0x${topicId}`))
}
