// Facts as bytes: a record's value in the metadata log, framed as KRaft frames it (protocol/records/
// metadata.ts draws the frame). Records have no key. Which version of a record is written depends on the
// metadata.version that is finalized; this is the table for METADATA_VERSION.

import { decodeMetadataRecord, encodeMetadataRecord, metadataRecords } from '../protocol/records/metadata.ts'
import type { MetadataFact } from './facts.ts'

/** Kafka's 4.3-IV0. */
export const METADATA_VERSION = 30
/** The oldest that Kafka 4.3 opens, 3.3-IV3. */
export const LOWEST_METADATA_VERSION = 7

function versionWritten(fact: MetadataFact): number {
  switch (fact.type) {
    case 'RegisterBrokerRecord':
      return 3
    case 'PartitionRecord':
    case 'PartitionChangeRecord':
      return 2
    case 'BrokerRegistrationChangeRecord':
      // As Kafka writes it: the lowest that says what changed.
      return fact.logDirs.length > 0 ? 2 : fact.inControlledShutdown !== 0 ? 1 : 0
    default:
      return 0
  }
}

const definitionOf = new Map(metadataRecords.map((definition) => [definition.name as string, definition]))

export function encodeFact(fact: MetadataFact): Buffer {
  const definition = definitionOf.get(fact.type)
  if (definition === undefined) throw new Error(`no metadata record is called ${fact.type}`)
  return encodeMetadataRecord(definition, versionWritten(fact), fact)
}

/** Reads buffer[start, end); an unknown record is an error: silence would fork the image. */
export function decodeFact(buffer: Buffer, start: number, end: number): MetadataFact {
  const { name, value } = decodeMetadataRecord(buffer, start, end)
  return { type: name, ...value } as MetadataFact
}
