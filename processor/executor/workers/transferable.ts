// What of a message may move to the other thread instead of being copied.

/** Only a buffer that has its memory to itself can move; others are copied. */
export function transferable({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength ? [buffer] : []
}
