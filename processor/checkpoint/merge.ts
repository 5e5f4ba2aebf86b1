// A generation and the redo records behind it, made into the next generation. First the batches' changes are taken,
// oldest first, then what the generation has goes by, and what was not changed goes from chunk to chunk as bytes.
//
// The keys keep the order in which they came: what is changed stays in its place, what is new, or came again, goes
// behind. That is the order of the state in memory too, so a restart or a replay meets keys as the first run did.

import { Changes } from './changes.ts'
import { IncrementsReader, IncrementsWriter } from './increments.ts'

/** Changes that are walked by before the event loop gets its turn. */
const SLICE = 4096

export class Merge {
  private readonly writer: IncrementsWriter
  private readonly changes = new Map<number, Changes>()
  private readonly dropped = new Set<number>()
  /** Whose entries are going by. */
  private operator: number | undefined

  constructor(blockBytes: number) {
    this.writer = new IncrementsWriter(blockBytes)
  }

  /** A batch begins that drops the state of these operators. */
  drop(operators: readonly number[]): void {
    for (const operator of operators) {
      this.dropped.add(operator)
      this.changes.delete(operator)
    }
  }

  /** What a batch has changed. Keeps the chunk. */
  change(chunk: Buffer): void {
    const reader = new IncrementsReader(chunk)
    const { operator } = reader
    let changes = this.changes.get(operator)
    if (changes === undefined) this.changes.set(operator, (changes = new Changes()))
    while (reader.next()) changes.take(reader)
  }

  /**
   * Before each chunk of the generation: what the batches have added to the operator whose chunks were the last to go
   * by. Without it, what two operators add by and by would lie in turns, in ever smaller chunks.
   */
  *before(chunk: Buffer): Generator<readonly Buffer[], undefined, undefined> {
    const { operator } = new IncrementsReader(chunk)
    const last = this.operator
    this.operator = operator
    if (last !== undefined && last !== operator) yield* this.added(last)
    return undefined
  }

  /** What the generation has, after all batches. */
  keep(chunk: Buffer): void {
    const reader = new IncrementsReader(chunk)
    const { operator } = reader
    if (this.dropped.has(operator)) return
    const { writer } = this
    const changes = this.changes.get(operator)
    writer.operator(operator)
    while (reader.next()) {
      const place = changes?.find(reader) ?? -1
      if (place === -1) writer.entry(chunk, reader.from, reader.until)
      else (changes as Changes).writeInPlace(place, writer)
    }
  }

  /** Chunks of the next generation that are whole by now. */
  take(): Buffer[] {
    return this.writer.take()
  }

  /** What the batches have added and is not written yet, chunk by chunk. */
  *rest(): Generator<readonly Buffer[], undefined, undefined> {
    if (this.operator !== undefined) yield* this.added(this.operator)
    for (const operator of this.changes.keys()) yield* this.added(operator)
    yield this.writer.finish()
    return undefined
  }

  private *added(operator: number): Generator<readonly Buffer[], undefined, undefined> {
    const changes = this.changes.get(operator)
    if (changes === undefined || changes.isWritten) return undefined
    this.writer.operator(operator)
    for (let place = 0; place < changes.end; place++) {
      changes.writeAdded(place, this.writer)
      const whole = this.writer.take()
      // Where all is written already, the walk goes by without a chunk.
      if (whole.length > 0 || (place + 1) % SLICE === 0) yield whole
    }
    changes.isWritten = true
    return undefined
  }
}
