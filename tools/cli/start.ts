// `logmill start`: a broker until it is told to stop. Prints one line when clients can connect.

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import {
  parseProperties,
  parseSetting,
  type Setting,
  settingsFromEnvironment,
} from '../../broker/server/config/properties.ts'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'
import { untilSignalled } from './signals.ts'

interface StartOptions {
  data: string
  memory?: true
  listen?: string
  config?: string
  set: string[]
  insecure?: true
  format: 'text' | 'json'
}

const DEFAULT_ADDRESS = { host: '127.0.0.1', port: 9092 }

export function addStartCommand(program: Command): void {
  const collect = (value: string, before: string[]): string[] => [...before, value]
  program
    .command('start')
    .description('Start a broker and run until SIGINT or SIGTERM')
    .option('--data <dir>', 'data directory', './.logmill')
    .option('--memory', 'keep everything in memory, gone when the broker stops')
    .option('--listen <host:port>', 'address for clients; port 0 takes a free one (default: 127.0.0.1:9092)')
    .option('--config <file>', 'a server.properties file')
    .option('--set <key=value>', 'one setting, over the file; may be repeated', collect, [])
    .option('--insecure', 'listen beyond loopback although there is no authentication')
    .option('--format <format>', 'text, or json: the ready line as one JSON object', 'text')
    .addHelpText(
      'after',
      '\nExample:\n  logmill start --memory --listen 127.0.0.1:0 --set num.partitions=4\n',
    )
    .action((options: StartOptions) => start(options))
}

async function start(options: StartOptions): Promise<void> {
  const startedMs = performance.now()
  const broker = await open(options)
  const readyMs = Math.round(performance.now() - startedMs)
  // Before anybody is told that it runs: who reads the ready line may signal at once.
  const signalled = untilSignalled()
  const { bootstrapServers, clusterId } = broker
  const dataDir = options.memory ? null : options.data
  if (options.format === 'json') {
    console.log(JSON.stringify({ bootstrapServers, clusterId, dataDir, readyMs }))
  } else {
    console.log(
      `logmill is ready on ${bootstrapServers} after ${readyMs} ms, ${dataDir === null ? 'in memory' : `data in ${dataDir}`}`,
    )
  }
  const signal = await signalled
  console.error(`logmill: ${signal}, stopping`)
  await broker.stop()
}

async function open(options: StartOptions): Promise<Broker> {
  const settings: Setting[] = settingsFromEnvironment(process.env)
  if (options.config !== undefined) {
    settings.push(...parseProperties(readFileSync(options.config, 'utf8'), options.config))
  }
  settings.push(...options.set.map((argument) => parseSetting(argument)))
  // An address on the command line is the last word; otherwise the file's listeners count.
  const address = options.listen === undefined ? DEFAULT_ADDRESS : parseAddress(options.listen)
  if (options.listen !== undefined) {
    const host = address.host.includes(':') ? `[${address.host}]` : address.host
    settings.push(parseSetting(`listeners=PLAINTEXT://${host}:${address.port}`, '--listen'))
  }
  try {
    return await startBroker({
      ...address,
      ...(options.memory ? {} : { dataDir: options.data }),
      ...(options.insecure ? { insecure: true } : {}),
      settings: options.memory
        ? settings.filter(({ key }) => key !== 'log.dirs' && key !== 'log.dir')
        : settings,
      logger: toStandardError,
    })
  } catch (error) {
    throw new Error(explain(error, settings, address), { cause: error })
  }
}

function explain(
  error: unknown,
  settings: readonly Setting[],
  address: { host: string; port: number },
): string {
  const { code, message } = error as NodeJS.ErrnoException
  const listeners =
    settings.findLast(({ key }) => key === 'listeners')?.value ?? `${address.host}:${address.port}`
  if (code === 'EADDRINUSE')
    return `${listeners} is taken by another process; --listen 127.0.0.1:0 takes a free port`
  if (code === 'EACCES') return `${listeners} may not be listened on: ${message}`
  return message
}

/** `HOST:PORT` or `[IPV6]:PORT`. */
function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65535) throw new Error(`--listen ${text}: expected HOST:PORT`)
  return { host: match[1] ?? match[2] ?? '', port }
}

const write =
  (level: string) =>
  (message: string): void =>
    console.error(`${level}: ${message}`)
const toStandardError = {
  debug: () => undefined,
  info: write('info'),
  warn: write('warning'),
  error: write('error'),
}
