// What the demo shows: drawn over itself on a terminal, one line a second anywhere else.

export interface Snapshot {
  lines: bigint
  words: number
  recordsPerSecond: number
  batchMs: number
  lag: bigint
  corpusDone: boolean
  /** Most frequent words: name, total, and count within the sliding window. */
  top: readonly { word: string; total: number; recent: number }[]
}

const WIDTH = 78

export class Table {
  private readonly output: NodeJS.WriteStream
  private drawn = 0

  constructor(output: NodeJS.WriteStream) {
    this.output = output
  }

  show(snapshot: Snapshot): void {
    if (!this.output.isTTY) {
      this.output.write(`${statusLine(snapshot)}\n`)
      return
    }
    const lines = tableLines(snapshot)
    const up = this.drawn === 0 ? '' : `\x1b[${this.drawn}A`
    this.output.write(`${up}${lines.map((line) => `\x1b[2K${line}`).join('\n')}\n`)
    this.drawn = lines.length
  }
}

export function statusLine({ lines, words, recordsPerSecond, batchMs, lag, corpusDone }: Snapshot): string {
  const rate = Math.round(recordsPerSecond).toLocaleString('en')
  const state = corpusDone && lag === 0n ? ', all text is counted' : ''
  return `${lines.toLocaleString('en')} lines, ${words.toLocaleString('en')} different words, ${rate} records/s, batch ${Math.round(batchMs)} ms, lag ${lag.toLocaleString('en')}${state}`
}

function tableLines(snapshot: Snapshot): string[] {
  const largest = Math.max(1, ...snapshot.top.map(({ recent }) => recent))
  const rows = snapshot.top.map(({ word, total, recent }) => {
    const bar = '#'.repeat(Math.round((recent / largest) * 20))
    const shown = word.length > 20 ? `${word.slice(0, 19)}…` : word
    return `  ${shown.padEnd(20)} ${String(total).padStart(10)}  ${String(recent).padStart(8)}  ${bar}`
  })
  return [
    statusLine(snapshot),
    '',
    `  ${'word'.padEnd(20)} ${'total'.padStart(10)}  ${'last 10s'.padStart(8)}`,
    `  ${'-'.repeat(WIDTH - 2)}`,
    ...rows,
    '',
  ]
}
