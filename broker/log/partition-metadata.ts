// `partition.metadata`: which topic a partition's folder belongs to. A topic that was deleted and made
// again has another id, so an old folder is never taken for the new topic's.
//
//   version: 0
//   topic_id: <22 characters: base64 (URL alphabet, no padding) of the 16 bytes>
//
// Source: Kafka's PartitionMetadataFile, Uuid.

export function encodePartitionMetadata(topicId: string): Buffer {
  return Buffer.from(`version: 0\ntopic_id: ${uuidText(topicId)}\n`, 'utf8')
}

/** The topic id as 32 hex digits; undefined where the file is damaged. */
export function decodePartitionMetadata(bytes: Buffer): string | undefined {
  // Kafka writes no line feed behind the last line.
  const match = /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/.exec(bytes.toString('utf8'))
  return match?.[1] === undefined ? undefined : parseUuidText(match[1])
}

/** Kafka's text form of a uuid that is given as 32 hex digits. */
function uuidText(hex: string): string {
  if (!/^[0-9a-f]{32}$/.test(hex)) throw new Error(`'${hex}' is not a uuid of 32 hex digits`)
  return Buffer.from(hex, 'hex').toString('base64url')
}

/** 32 hex digits; undefined where the text is no uuid. */
export function parseUuidText(text: string): string | undefined {
  const bytes = Buffer.from(text, 'base64url')
  // The last character carries four unused bits: they must be zero, or two texts would be one id.
  return bytes.length === 16 && bytes.toString('base64url') === text ? bytes.toString('hex') : undefined
}
