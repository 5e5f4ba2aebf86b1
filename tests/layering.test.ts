// The folder tree is the architecture: imports point one way. This test reads every import statement of
// the product and holds it against the table below. A new arrow is a decision: make it here, with a reason.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')

/** For each folder, the folders it may import besides itself. The longest matching prefix applies. */
const mayImport: Record<string, readonly string[]> = {
  'broker/time': [],
  'broker/protocol': [],
  'broker/storage': ['broker/time'],
  'broker/log': ['broker/protocol', 'broker/storage', 'broker/time'],
  // LogView is the processor's port; the partition implements it and imports its type alone.
  'broker/partition': ['broker/log', 'broker/protocol', 'broker/storage', 'broker/time', 'processor/ports'],
  // Accounting that nothing else is needed for.
  'broker/quota': [],
  'broker/coordinator': ['broker/partition', 'broker/protocol', 'broker/time'],
  // Share partitions: what is with whom. States are kept through a port.
  'broker/share': ['broker/partition', 'broker/protocol', 'broker/time'],
  'broker/controller': [
    'broker/quota',
    'broker/coordinator',
    'broker/partition',
    'broker/log',
    'broker/protocol',
    'broker/storage',
    'broker/time',
  ],
  // Definitions of configuration keys: pure tables that handlers describe and server/ reads.
  'broker/server/config': [],
  'broker/handlers': [
    'broker/quota',
    'broker/coordinator',
    'broker/controller',
    'broker/net',
    'broker/partition',
    'broker/protocol',
    'broker/server/config',
    'broker/share',
    'broker/time',
  ],
  'broker/net': ['broker/protocol', 'broker/time'],
  'broker/server': ['broker', 'processor/ports'],
  'processor/ports': [],
  processor: ['broker/protocol/record-batch', 'broker/time'],
  // A Kafka elsewhere behind the processor's ports, so that a job does not know the difference.
  client: ['broker/protocol', 'broker/time', 'processor/ports'],
  tools: ['broker', 'processor', 'client', 'index', 'streaming', 'testing'],
  examples: ['index', 'streaming', 'mllib', 'testing'],
}

/** npm packages and Node modules that only one place may know. */
const onlyIn: Record<string, readonly string[]> = {
  'node:fs': [
    'broker/storage',
    'processor/checkpoint',
    'processor/rdd',
    'processor/source',
    'processor/sink',
    'processor/executor',
    'client',
    'tools',
  ],
  'node:net': ['broker/net', 'processor/source', 'client', 'tools'],
  'node:tls': ['client'],
  level: ['processor/checkpoint'],
  protobufjs: ['processor/checkpoint'],
  kafkajs: ['client', 'tools', 'examples'],
  commander: ['tools'],
}

interface Import {
  from: string
  to: string
  line: string
}

function sourceFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return name === 'node_modules' ? [] : sourceFiles(path)
    return name.endsWith('.ts') ? [path] : []
  })
}

const product = ['broker', 'processor', 'client', 'tools', 'examples'].flatMap((folder) =>
  sourceFiles(join(root, folder)),
)

const imports: Import[] = product.flatMap((path) => {
  const text = readFileSync(path, 'utf8')
  const found = text.matchAll(
    /^(?:import|export)\b[^'"]*?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm,
  )
  return [...found].map((match) => {
    const specifier = (match[1] ?? match[2] ?? match[3]) as string
    const to = specifier.startsWith('.') ? relative(root, resolve(dirname(path), specifier)) : specifier
    return { from: relative(root, path), to, line: match[0].replaceAll('\n', ' ') }
  })
})

const within = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`) || path === `${folder}.ts`

function longestPrefix(path: string): string | undefined {
  return Object.keys(mayImport)
    .filter((folder) => within(path, folder))
    .sort((a, b) => b.length - a.length)[0]
}

test('there is something to look at', () => {
  expect(product.length).toBeGreaterThan(20)
  expect(imports.length).toBeGreaterThan(20)
})

test('every import points down the table', () => {
  const wrong = imports.filter(({ from, to }) => {
    if (
      !/^(broker|processor|client|tools|examples|tests)\//.test(to) &&
      !/^(index|streaming|testing)\.ts$/.test(to)
    )
      return false
    const home = longestPrefix(from)
    if (home === undefined) return true
    return ![home, ...(mayImport[home] ?? [])].some((folder) => within(to, folder))
  })
  expect(wrong.map(({ from, line }) => `${from}: ${line}`)).toEqual([])
})

test('a module of the outside world is known to its one folder only', () => {
  const wrong = imports.filter(({ from, to }) => {
    const key = Object.keys(onlyIn).find((name) => to === name || to.startsWith(`${name}/`))
    return key !== undefined && !(onlyIn[key] ?? []).some((folder) => within(from, folder))
  })
  expect(wrong.map(({ from, line }) => `${from}: ${line}`)).toEqual([])
})

/** Design law 1, for what a linter of names cannot see everywhere: time, chance and timers are handed in. */
test('what decides asks nobody for the time or for chance', () => {
  const deciding = [
    'broker/protocol',
    'broker/log',
    'broker/partition',
    'broker/coordinator',
    'broker/controller',
    'broker/quota',
    'broker/handlers',
    'processor/graph',
    'processor/streams',
    'processor/scheduler',
  ]
  const banned =
    /\b(Date\.now|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|process\.hrtime)\b/
  const wrong = product
    .filter((path) => deciding.some((folder) => within(relative(root, path), folder)))
    .flatMap((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .map((line, index) => ({ line, at: `${relative(root, path)}:${index + 1}` }))
        .filter(({ line }) => banned.test(line.replace(/\/\/.*|^\s*\*.*/, '')))
        .map(({ line, at }) => `${at}: ${line.trim()}`),
    )
  expect(wrong).toEqual([])
})
