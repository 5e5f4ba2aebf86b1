// The demo's command line.

import { Command, InvalidArgumentError } from 'commander'

export interface DemoOptions {
  /** A file, `-` for standard input; undefined: the text files below the checkout. */
  input: string | undefined
  data: string
  /** Undefined: until Ctrl-C. */
  forMs: number | undefined
  listen: string
}

export function parseOptions(argv: readonly string[]): DemoOptions {
  const program = new Command('demo')
    .description('Stream text into a topic, count its words exactly once, watch it happen')
    .option('--input <file>', "text to stream, - for standard input (default: this checkout's text files)")
    .option('--data <dir>', 'data directory; start again on it to go on', './.logmill-demo')
    .option('--for <duration>', 'end after this time, e.g. 15s', duration)
    .option('--listen <host:port>', 'address for clients', '127.0.0.1:9092')
    .parse([...argv])
  const {
    input,
    data,
    for: forMs,
    listen,
  } = program.opts<{
    input?: string
    data: string
    for?: number
    listen: string
  }>()
  return { input, data, forMs, listen }
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000 }

function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text)
  if (match === null) throw new InvalidArgumentError('expected a duration such as 15s or 500ms')
  return Number(match[1]) * (UNITS[match[2] as string] as number)
}
