// A partition's producer state at an offset, as kept in <offset>.snapshot beside the segments: an int16
// version, then this. The checksum is CRC-32C over everything after it.

import { defineMessage } from '../message.ts'
import { array, f, int16, int32, int64, uint32 } from '../schema.ts'

export const producerSnapshot = defineMessage({
  name: 'ProducerSnapshot',
  versions: [1, 1],
  flexibleFrom: null,
  fields: {
    crc: f(uint32),
    producerEntries: f(
      array({
        producerId: f(int64),
        epoch: f(int16),
        lastSequence: f(int32),
        lastOffset: f(int64),
        offsetDelta: f(int32),
        timestamp: f(int64),
        coordinatorEpoch: f(int32),
        currentTxnFirstOffset: f(int64),
      }),
    ),
  },
})
