// docs/compatibility.md as text: what is served, what is not, which clients were run, what differs from Kafka. All of
// it from tables that something else rests on: the broker's own ApiVersions, the captured frames of real clients,
// the differences that a test knows. Pure but for reading those.

import { apis } from '../../broker/protocol/apis/index.ts'
import { ignoredKeys } from '../../broker/server/config/ignored-keys.ts'
import { behaviour } from './behaviour.ts'
import { clientsSection } from './clients.ts'
import { kafkaApis, kafkaRelease } from './kafka-apis.ts'
import { knownDifferences } from './known-differences.ts'
import { type ServedApi, servedApis } from './served-apis.ts'
import { table } from './table.ts'

export async function compatibilityDocument(): Promise<string> {
  const served = await servedApis()
  return `# Compatibility

Written by \`npm run docs\`; a test fails when it is out of date.

logmill speaks the Kafka protocol as Apache Kafka ${kafkaRelease} does. It advertises what it serves and nothing else, so
a client finds out before it asks. An API or version that is not served is answered as Kafka answers one: the
connection is closed, with one line in the log that names the API. ApiVersions alone is answered whatever its version.

${clientsSection()}
## Served

${table(['Key', 'API', 'Versions', `Kafka ${kafkaRelease}`, ''], served.map(servedRow))}

## Not served

Kafka ${kafkaRelease} has these besides.

${table(['Key', 'API', `Kafka ${kafkaRelease}`, 'What a client gets'], missing(served).map(missingRow))}

## Differences in behaviour

${table(
  ['', 'logmill'],
  behaviour.map(([what, how]) => [what, how]),
)}

## Differences in single answers

Several hundred questions, most of them odd ones, are put to Apache Kafka and to logmill, each in all of its versions;
the answers are the same but for these.

${table(
  ['', 'Why'],
  knownDifferences.map(({ about, reason }) => [about, reason]),
)}

## Configuration

Kafka's property names, types and defaults. ${ignoredKeys.length} documented broker keys are known and have no effect here (tiered
storage, security, quotas, replication, the Java plug-ins): setting one is warned about by name when the broker
starts. They are listed, with the reason for each group, in \`broker/server/config/ignored-keys.ts\`.
`
}

function servedRow({ apiKey, minVersion, maxVersion }: ServedApi): string[] {
  const api = apis.find(({ key }) => key === apiKey)
  const [, name = '', lowest, highest] = kafkaApis.find(([key]) => key === apiKey) ?? []
  if (api === undefined) throw new Error(`API ${apiKey} is served and has no definition`)
  const [from, to] = api.servedVersions
  const isToldWider = from !== minVersion || to !== maxVersion
  const note = isToldWider
    ? `advertised as ${range(minVersion, maxVersion)}, as by Kafka: older clients look for it`
    : ''
  return [String(apiKey), name, range(from, to), range(lowest, highest), note]
}

function missing(served: readonly ServedApi[]): typeof kafkaApis {
  const keys = new Set(served.map(({ apiKey }) => apiKey))
  return kafkaApis.filter(([key]) => !keys.has(key))
}

function missingRow([key, name, lowest, highest]: (typeof kafkaApis)[number]): string[] {
  return [
    String(key),
    name,
    range(lowest, highest),
    instead.find(([pattern]) => pattern.test(name))?.[1] ?? '',
  ]
}

/** What a client does that does not find the API; the first that fits. */
const instead: readonly (readonly [RegExp, string])[] = [
  [/^Sasl/, 'no SASL listener: the client must use PLAINTEXT'],
  [/Telemetry/, 'the client sends no telemetry; nor is it offered by a Kafka without a receiver'],
  [/Acls|Delegation|AlterUserScram/, 'UnsupportedVersionException: no authorizer, no users'],
  [/Raft/, 'UnsupportedVersionException: the quorum is this one node'],
  [/WriteTxnMarkers/, 'only brokers send it, and there is one; `kafka-transactions --abort` fails'],
  [/./, 'UnsupportedVersionException'],
]

function range(lowest: number | undefined, highest: number | undefined): string {
  if (lowest === undefined) return '-'
  return lowest === highest ? String(lowest) : `${lowest}-${highest}`
}
