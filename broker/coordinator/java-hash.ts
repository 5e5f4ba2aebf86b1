// Java's String.hashCode and Kafka's Utils.abs: which partition of __consumer_offsets or
// __transaction_state holds a group or a transactional id. Clients never compute it, but a data directory
// written by Kafka must be found where Kafka put it.

/** A 32-bit signed integer, over the UTF-16 code units of the text. */
export function javaHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

/** The partition for a key of this text; `partitionCount` must be above 0. */
export function partitionForHash(text: string, partitionCount: number): number {
  if (!(partitionCount > 0)) throw new Error(`a hash over ${partitionCount} partitions`)
  const hash = javaHash(text)
  // -2147483648 has no positive counterpart in 32 bits; Kafka's abs makes it 0.
  return (hash === -2147483648 ? 0 : Math.abs(hash)) % partitionCount
}
