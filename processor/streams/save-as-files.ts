// Rows of each batch as files: saveAsTextFiles, saveAsObjectFiles. Exactly once; sink/batch-files.ts says how.
//
// Rows are made text or bytes by a node of its own: with executors by the workers that have them, so that only those
// travel to the thread that writes, and a row that cannot be written is still known by its record.

import { operatorFailed } from '../graph/errors.ts'
import type { OutputBatch, StreamNode } from '../graph/node.ts'
import { drainAll } from '../rdd/dataset.ts'
import { mapPipe, NarrowDataset } from '../rdd/narrow.ts'
import { BatchFiles } from '../sink/batch-files.ts'
import { compressed, type Compression, objects, textLines, type FileFormat } from '../sink/file-format.ts'
import type { StreamHost } from './host.ts'
import type { OperatorOptions } from './options.ts'
import { rowsOf } from './outputs.ts'
import { rowText } from '../sink/row-text.ts'

export interface FileOptions extends OperatorOptions {
  /** Put behind the batch's time, after a dot. */
  readonly suffix?: string
}

export interface TextFileOptions extends FileOptions {
  /** Part files are packed and end in `.gz` or `.deflate`; default: they are not. */
  readonly compression?: Compression
}

export function saveAsTextFiles<T>(
  host: StreamHost,
  parent: StreamNode<T>,
  prefix: string,
  { compression, ...options }: TextFileOptions,
): void {
  addFiles(host, 'saveAsTextFiles', parent, prefix, options, compressed(textLines<T>(rowText), compression))
}

export function saveAsObjectFiles<T>(
  host: StreamHost,
  parent: StreamNode<T>,
  prefix: string,
  options: FileOptions,
): void {
  addFiles(host, 'saveAsObjectFiles', parent, prefix, options, objects)
}

function addFiles<T, E>(
  { graph, writesFiles, fileSystem }: StreamHost,
  kind: string,
  parent: StreamNode<T>,
  prefix: string,
  { name, suffix }: FileOptions,
  format: FileFormat<T, E>,
): void {
  if (prefix === '') throw new TypeError(`${kind}: the prefix is empty`)
  if (suffix?.includes('/')) throw new TypeError(`${kind}: the suffix '${suffix}' has a slash`)
  const files = writesFiles ? new BatchFiles<E>({ prefix, suffix, fileSystem }, format) : undefined
  let operator = ''
  const encoded = graph.add<E>({
    kind: `${kind}.rows`,
    name: name === undefined ? undefined : `${name}.rows`,
    parents: [parent],
    compute(timeMs, scope) {
      const rows = scope.rows(parent, timeMs)
      return rows && new NarrowDataset(rows, mapPipe(operator, format.encode))
    },
  })
  const run = async (batch: OutputBatch, id: string) => {
    const { scope, output } = batch
    const rows = rowsOf(encoded, batch)
    try {
      if (files === undefined) await drainAll(rows, scope.run, () => {})
      else await files.write(batch, rows, scope.run, output.discards ?? false)
    } catch (error) {
      throw operatorFailed(id, error)
    }
  }
  operator = graph.addOutput(kind, name, encoded, run, 'driver', files)
}
