// How rows of a receiver become records of a topic, and rows again.

import { plainCodec } from '../checkpoint/plain-data.ts'
import type { StateCodec } from '../graph/contracts/state.ts'
import type { RowKind } from './row-kind.ts'

/** As a state's codec: bytes in, the same row out. */
export type RowCodec<T> = StateCodec<T>

/** Plain data, Map, Set, Date, bigint and bytes, as state is kept. */
export const plainRows: RowCodec<unknown> = plainCodec

export const textRows: RowCodec<string> = {
  encode: (row) => Buffer.from(row),
  decode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(),
}

export const byteRows: RowCodec<Uint8Array> = {
  encode: (row) => row,
  // The bytes behind it are used again.
  decode: (bytes) => Buffer.from(bytes),
}

/** Values of records as the codec reads them. */
export function decodedValues<T>(codec: RowCodec<T>): RowKind<T> {
  return {
    open: (_range, cursor, emit) => ({
      row() {
        const { buffer, valueStart, valueEnd } = cursor
        emit(codec.decode(buffer.subarray(Math.max(0, valueStart), Math.max(0, valueEnd))))
      },
    }),
  }
}
