// `meta.properties` at the data directory's root: whose directory this is. A Java properties file.
//
//   #
//   #Sat Nov 14 10:00:00 UTC 2026
//   cluster.id=…   directory.id=…   node.id=1   version=1      (one a line, any order)
//
// Source: Kafka's MetaProperties, PropertiesUtils.

import { parseInt32 } from './checkpoint-lines.ts'

export interface MetaProperties {
  clusterId: string
  nodeId: number
  /** Kafka's text form of a uuid; undefined in directories from before 3.7. */
  directoryId: string | undefined
}

export function encodeMetaProperties(properties: MetaProperties): Buffer {
  const lines = ['#', `cluster.id=${escapeValue(properties.clusterId)}`]
  if (properties.directoryId !== undefined) lines.push(`directory.id=${escapeValue(properties.directoryId)}`)
  lines.push(`node.id=${properties.nodeId}`, 'version=1', '')
  return Buffer.from(lines.join('\n'), 'utf8')
}

/** What is wrong with the file as text, where something is. */
export function decodeMetaProperties(bytes: Buffer): MetaProperties | string {
  const values = new Map<string, string>()
  for (const line of bytes.toString('utf8').split(/\r?\n/)) {
    const text = line.trim()
    if (text === '' || text.startsWith('#') || text.startsWith('!')) continue
    const match = /^([A-Za-z0-9.]+)\s*[=:]\s*(.*)$/.exec(text)
    if (match === null) return `line '${text}' is not a property`
    values.set(match[1] as string, (match[2] as string).replace(/\\(.)/g, '$1'))
  }
  const version = values.get('version')
  // Version 0, from before KRaft, has broker.id in the place of node.id.
  if (version !== '0' && version !== '1') return `version ${version ?? 'is missing'}`
  const nodeId = parseInt32(values.get(version === '0' ? 'broker.id' : 'node.id') ?? '')
  const clusterId = values.get('cluster.id')
  if (nodeId === undefined) return 'no node.id'
  if (clusterId === undefined || clusterId === '') return 'no cluster.id'
  return { clusterId, nodeId, directoryId: values.get('directory.id') }
}

function escapeValue(value: string): string {
  return value.replace(/[\\=:#! ]/g, '\\$&')
}
