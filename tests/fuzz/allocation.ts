// What a decoded request has taken: buffers are counted where they are made, elements where they ended.

import { decodeRequest } from '../../broker/protocol/codec.ts'
import { decodeRequestHeader } from '../../broker/protocol/header.ts'

const makers = ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const

/**
 * Bytes of buffers that decoding the frame's body makes, and elements of lists in what it gives. Undefined where the frame is refused: then only the buffers are known.
 */
export function decodingTakes(frame: Buffer): { bufferBytes: number; elements: number | undefined } {
  let bufferBytes = 0
  const originals = makers.map((name) => Buffer[name])
  const from = Buffer.from
  for (const [i, name] of makers.entries()) {
    const original = originals[i] as (size: number, ...rest: unknown[]) => Buffer
    Buffer[name] = ((size: number, ...rest: unknown[]) => {
      bufferBytes += size
      return original.call(Buffer, size, ...rest)
    }) as never
  }
  Buffer.from = ((...given: Parameters<typeof from>) => {
    const made = from(...given)
    // Over memory that is there already it is a view.
    if (!((given[0] as unknown) instanceof ArrayBuffer)) bufferBytes += made.length
    return made
  }) as never
  try {
    return { elements: elementsIn(decoded(frame)), bufferBytes }
  } catch {
    return { elements: undefined, bufferBytes }
  } finally {
    for (const [i, name] of makers.entries()) Buffer[name] = originals[i] as never
    Buffer.from = from
  }
}

function decoded(frame: Buffer): unknown {
  const { api, apiVersion, bodyStart } = decodeRequestHeader(frame)
  return api === undefined ? undefined : decodeRequest(api, apiVersion, frame, bodyStart)
}

function elementsIn(value: unknown): number {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 0
  const items = Object.values(value)
  return items.reduce<number>(
    (count, item) => count + elementsIn(item),
    Array.isArray(value) ? items.length : 0,
  )
}
