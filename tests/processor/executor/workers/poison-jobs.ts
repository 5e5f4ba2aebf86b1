// Lines in which some are poison, each in a place of its own: at once, behind two readers, in a key's function, in a
// window.

import { textValues, type StreamingContext } from '../../../../streaming.ts'

function failing(line: string, kind: string): string {
  if (line.startsWith(kind)) throw new Error(`no sense in '${line}'`)
  return line
}

/** No file of text can hold it, nor is it plain data. */
class Unspeakable {
  readonly line: string

  constructor(line: string) {
    this.line = line
  }

  toString(): string {
    throw new Error(`no words for '${this.line}'`)
  }
}

export default function build(context: StreamingContext, { files }: { files?: string } = {}): void {
  const lines = context.createDirectStream('in', textValues, { startingOffsets: 'earliest' })
  const rows = lines.map((line) => failing(line, 'bad'), { name: 'parse' })
  rows.toTopic('out', (line) => ({ value: `once ${line}` }))
  if (files !== undefined) {
    const told = rows.map((line) => (line.startsWith('key') ? new Unspeakable(line) : line))
    told.saveAsTextFiles(`${files}/text`, { name: 'text' })
    told.saveAsObjectFiles(`${files}/objects`, { name: 'objects' })
    return
  }
  rows
    .map((line) => failing(line, 'shared'), { name: 'second' })
    .toTopic('out', (line) => ({ value: `twice ${line}` }))
  rows
    .mapToPair((line) => [failing(line, 'key').split(' ')[0] as string, 1], { name: 'pair' })
    .updateStateByKey(
      (ones, state: { count: number } = { count: 0 }) => {
        state.count += ones.length
        return state
      },
      { name: 'counts' },
    )
    .changes()
    .toTopic('out', ([word, { count }]) => ({ value: `count ${word} ${count}` }))
}
