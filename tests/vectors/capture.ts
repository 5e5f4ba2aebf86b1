// `node --import tsx tests/vectors/capture.ts [client …]`: runs the clients of the interop suite through the
// capturing proxy, against Apache Kafka and against logmill, and writes <client>.json here. Not a test: it needs
// what tests/interop/install.sh fetches, and minutes. What it wrote is read by vectors.test.ts.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { captureFileText, Collection } from '../../tools/capture/collection.ts'
import { CapturingProxy } from '../../tools/capture/proxy.ts'
import { classpath, clients } from '../interop/clients.ts'
import { jarVersion } from '../interop/report/versions.ts'
import { Server } from '../interop/world.ts'
import { ReferenceKafka } from './reference-kafka.ts'
import { clientScenes, prepareClient, type Scene, toolScenes } from './scenes.ts'

const root = resolve(import.meta.dirname, '../..')
const REFERENCE = 'Apache Kafka 4.3.1'
const scratch = mkdtempSync(join(tmpdir(), 'logmill-capture-'))
const deleteRecordsFile = join(scratch, 'delete-records.json')
writeFileSync(
  deleteRecordsFile,
  JSON.stringify({ version: 1, partitions: [{ topic: 'tools', partition: 0, offset: 1 }] }),
)

interface Subject {
  name: string
  version: string
  prepare(bootstrap: string): Promise<void>
  scenes(sent: (api: string) => boolean): Scene[]
  /** Of the scenes, those that logmill plays too. */
  againstLogmill: boolean
}

const kafkaVersion = jarVersion(classpath(), 'kafka-tools')

const subjects: Subject[] = [
  ...clients.map((client) => ({
    name: client.name,
    version: client.version(),
    prepare: (bootstrap: string) => prepareClient(client, bootstrap),
    scenes: (sent: (api: string) => boolean) => clientScenes(client, sent),
    againstLogmill: true,
  })),
  {
    name: 'Kafka command line tools',
    version: kafkaVersion,
    prepare: () => Promise.resolve(),
    scenes: () => toolScenes(deleteRecordsFile),
    // The suite of interop plays them there; the frames are the same.
    againstLogmill: false,
  },
]

/** One round of every subject against one broker. */
async function round(
  wanted: readonly Subject[],
  broker: string,
  collections: ReadonlyMap<string, Collection>,
  start: (advertised: number) => Promise<AsyncDisposable & { port: number }>,
): Promise<void> {
  let tell: (frame: Parameters<Collection['add']>[0]) => void = () => undefined
  await using proxy = await CapturingProxy.listen((frame) => tell(frame))
  await using server = await start(proxy.port)
  proxy.target = server.port
  const bootstrap = `127.0.0.1:${proxy.port}`
  for (const subject of wanted) {
    const collection = collections.get(subject.name) as Collection
    const sent = new Set<string>()
    tell = () => undefined
    await subject.prepare(bootstrap)
    for (const scene of subject.scenes((api) => sent.has(api))) {
      tell = (frame) => {
        if (frame.api !== undefined) sent.add(frame.api.name)
        collection.add(frame, scene.name, broker, broker === REFERENCE)
      }
      console.error(`${subject.name} against ${broker}: ${scene.name}`)
      await scene.play(bootstrap)
    }
  }
}

const only = process.argv.slice(2)
const wanted = subjects.filter(({ name }) => only.length === 0 || only.includes(name))
const secrets = [hostname(), homedir(), root, tmpdir()]
const collections = new Map(wanted.map(({ name }) => [name, new Collection(secrets)]))
try {
  await round(wanted, REFERENCE, collections, (advertised) => ReferenceKafka.start(advertised))
  await round(
    wanted.filter(({ againstLogmill }) => againstLogmill),
    'logmill',
    collections,
    (advertised) => Server.start({ set: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertised}` } }),
  )
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
for (const { name, version, scenes } of wanted) {
  const collection = collections.get(name) as Collection
  const file = join(
    import.meta.dirname,
    `${name
      .toLowerCase()
      .replace(/^@/, '')
      .replaceAll(/[^a-z0-9]+/g, '-')}.json`,
  )
  const played = [...new Set(scenes(() => true).map((scene) => scene.name))]
  const frames = collection.frames()
  const date = new Date().toISOString().slice(0, 10)
  writeFileSync(
    file,
    captureFileText({ client: name, version, broker: REFERENCE, date, scenes: played, frames }),
  )
  console.error(`${name}: ${frames.length} frames; not kept:`)
  for (const [key, reason] of collection.dropped) console.error(`  ${key}: ${reason}`)
}
