// The table of foreign clients: how each speaks the verbs of README.md, and whether it is there.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import zlib from 'node:zlib'
import { javaProgram } from './report/java-program.ts'
import { ran } from './report/ran.ts'
import { goVersion, jarVersion, kcatVersion, npmVersion, pythonVersion } from './report/versions.ts'
import { here } from './world.ts'

export type Verb = 'produce' | 'consume' | 'member' | 'transact' | 'read'
export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
export const allCodecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export interface Client {
  name: string
  /** The version that is really there. */
  version(): string
  /** Which codecs it has where it runs here; all of them unless it says so. */
  codecs?: readonly Codec[]
  /** Of these, what it reads when another client wrote it; all of them unless it says so. */
  codecsFromOthers?: readonly Codec[]
  /** The command of a verb; undefined where the client has no such thing. */
  command(verb: Verb, bootstrap: string, topic: string, ...rest: string[]): string[] | undefined
  /** What to write to the command's standard input. */
  input?(verb: Verb, ...rest: string[]): string | undefined
  /** Undefined when it can run, else why not. */
  missing(): string | undefined
  /** The partitions that a line of `member` output reports, or undefined for any other line. */
  assigned?(line: string): number[] | undefined
}

const cache = (...path: string[]): string => join(here, '.cache', ...path)
const onPath = (name: string): boolean =>
  (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, name)))
export const needs = (present: boolean, what: string): string | undefined =>
  present ? undefined : `${what} is missing: run tests/interop/install.sh`

function program(
  name: string,
  prefix: () => string[],
  missing: () => string | undefined,
  version: () => string,
): Client {
  return {
    name,
    missing,
    version,
    command: (verb, bootstrap, topic, ...rest) => [...prefix(), verb, bootstrap, topic, ...rest],
  }
}

/** The jars of Kafka's own distribution. */
export const classpath = (): string[] =>
  readFileSync(cache('java-classpath.txt'), 'utf8').trim().split(delimiter)

/** A Java main class of Kafka's own distribution, or a program of one source file that uses it. */
export function java(...rest: string[]): string[] {
  ran({ ...javaProgram(rest[0] ?? ''), version: jarVersion(classpath(), 'kafka-clients') })
  return [
    'java',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Xmx256m',
    // What a tool logs goes to standard error, and is shown where one fails.
    `-Dorg.slf4j.simpleLogger.defaultLogLevel=${process.env.LOGMILL_INTEROP_LOG ?? 'error'}`,
    '-cp',
    classpath().join(delimiter),
    ...rest,
  ]
}

export const javaMissing = (): string | undefined =>
  needs(existsSync(cache('java-classpath.txt')) && onPath('java'), "Kafka's Java distribution")
const python = cache('venv', 'bin', 'python')
const sitePackages = (): string =>
  join(cache('venv', 'lib'), readdirSync(cache('venv', 'lib'))[0] ?? '', 'site-packages')
const pythonMissing = (): string | undefined => needs(existsSync(python), 'the Python environment')

const kcat: Client = {
  name: 'kcat',
  version: kcatVersion,
  missing: () => needs(onPath('kcat'), 'kcat'),
  command(verb, bootstrap, topic, ...rest) {
    const base = ['kcat', '-b', bootstrap]
    switch (verb) {
      case 'produce':
        return [...base, '-P', '-t', topic, '-K', ':', '-z', rest[1] ?? 'none']
      case 'consume':
        return [
          ...base,
          '-G',
          rest[0] ?? '',
          '-c',
          rest[1] ?? '',
          '-X',
          'auto.offset.reset=earliest',
          '-f',
          '%s\\n',
          topic,
        ]
      case 'member':
        return [...base, '-G', rest[0] ?? '', '-f', '', topic]
      case 'read':
        return [
          ...base,
          '-C',
          '-t',
          topic,
          '-o',
          'beginning',
          '-e',
          '-q',
          '-X',
          'isolation.level=read_committed',
          '-f',
          '%s\\n',
        ]
      case 'transact':
        return undefined // kcat has no transactions
    }
  },
  input: (verb, ...rest) => (verb === 'produce' ? records(Number(rest[0])).join('\n') : undefined),
}

function records(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `key-${i}:value-${i}`)
}

const all: readonly Client[] = [
  kcat,
  program(
    'kafkajs',
    () => [process.execPath, '--import', 'tsx', join(here, 'kafkajs', 'client.ts')],
    () => undefined,
    () => npmVersion(join(here, '../..'), 'kafkajs'),
  ),
  program(
    'Java client',
    () => java(join(here, 'java', 'InteropClient.java')),
    javaMissing,
    () => jarVersion(classpath(), 'kafka-clients'),
  ),
  program(
    'confluent-kafka',
    () => [python, join(here, 'python', 'confluent_client.py')],
    pythonMissing,
    () => pythonVersion(sitePackages(), 'confluent_kafka'),
  ),
  program(
    'kafka-python',
    () => [python, join(here, 'python', 'kafka_python_client.py')],
    pythonMissing,
    () => pythonVersion(sitePackages(), 'kafka_python'),
  ),
  program(
    'franz-go',
    () => [cache('franz-go-client')],
    () => needs(existsSync(cache('franz-go-client')), 'the franz-go program'),
    () => goVersion(cache('franz-go-client'), 'github.com/twmb/franz-go'),
  ),
  program(
    'sarama',
    () => [cache('sarama-client')],
    () => needs(existsSync(cache('sarama-client')), 'the sarama program'),
    () => goVersion(cache('sarama-client'), 'github.com/IBM/sarama'),
  ),
  program(
    'aiokafka',
    () => [python, join(here, 'python', 'aiokafka_client.py')],
    pythonMissing,
    () => pythonVersion(sitePackages(), 'aiokafka'),
  ),
  program(
    'kafka-python 2',
    () => [
      'env',
      `PYTHONPATH=${cache('kafka-python-before-3')}`,
      python,
      join(here, 'python', 'kafka_python_client.py'),
    ],
    () => needs(existsSync(cache('kafka-python-before-3')), 'the older kafka-python'),
    () => pythonVersion(cache('kafka-python-before-3'), 'kafka_python'),
  ),
  {
    ...program(
      '@platformatic/kafka',
      () => [process.execPath, join(here, 'platformatic', 'client.mjs')],
      () => needs(existsSync(join(here, 'platformatic', 'node_modules')), '@platformatic/kafka'),
      () => npmVersion(join(here, 'platformatic'), '@platformatic/kafka'),
    ),
    // Its zstd is Node's, which came with Node 22.15.
    codecs: 'zstdCompressSync' in zlib ? allCodecs : ['none', 'gzip', 'snappy', 'lz4'],
    // Its snappy is one bare block; the frames that the Java, C, Go and Python clients write it does not know.
    codecsFromOthers: 'zstdCompressSync' in zlib ? ['none', 'gzip', 'lz4', 'zstd'] : ['none', 'gzip', 'lz4'],
  },
]

export const clients: readonly Client[] = all.map((client) => ({
  ...client,
  command(...args) {
    const command = client.command(...args)
    if (command !== undefined) ran({ kind: 'client', name: client.name, version: client.version() })
    return command
  },
}))

export const codecsOf = ({ codecs = allCodecs }: Client): readonly Codec[] => codecs
export const readableCodecs = (client: Client): readonly Codec[] =>
  client.codecsFromOthers ?? codecsOf(client)

/** Why a client cannot run here. With CI=true everything must: then this throws. */
export function skipReason(client: Pick<Client, 'name' | 'missing'>): string | undefined {
  const reason = client.missing()
  if (reason !== undefined && process.env.CI === 'true') throw new Error(`${client.name}: ${reason}`)
  return reason
}
