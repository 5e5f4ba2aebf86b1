// Topic ids: random version-4 uuids as 32 hex digits. Never one that Kafka reserves (its Uuid.randomUuid):
// the version bits rule out the small numbers, and no id begins with '-' in base 64, where command line
// tools would take it for an option.

const ID_BYTES = 16
const ATTEMPTS = 64

/** Asks for random bytes until an id is free; chance that never yields one is broken. */
export function newTopicId(
  randomBytes: (size: number) => Uint8Array,
  isTaken: (id: string) => boolean,
): string {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const bytes = Buffer.from(randomBytes(ID_BYTES))
    if (bytes.length !== ID_BYTES) throw new Error(`${bytes.length} random bytes instead of ${ID_BYTES}`)
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
    const id = bytes.toString('hex')
    if (!bytes.toString('base64url').startsWith('-') && !isTaken(id)) return id
  }
  throw new Error(`no free topic id after ${ATTEMPTS} attempts`)
}
