// A producer's sequence numbers: int32, counting records, from 0 on for each epoch, and back to 0 after
// the largest. Source: DefaultRecordBatch.incrementSequence / decrementSequence.

const LARGEST_SEQUENCE = 0x7fffffff

/** The sequence `increment` records after `sequence`. */
export function incrementSequence(sequence: number, increment: number): number {
  return sequence > LARGEST_SEQUENCE - increment
    ? increment - (LARGEST_SEQUENCE - sequence) - 1
    : sequence + increment
}

/** The sequence `decrement` records before `sequence`. */
export function decrementSequence(sequence: number, decrement: number): number {
  return sequence < decrement ? LARGEST_SEQUENCE - (decrement - sequence) + 1 : sequence - decrement
}

/** Whether `next` directly follows `last`; -1 (nothing written yet in this epoch) is followed by 0. */
export function followsSequence(last: number, next: number): boolean {
  return next === (last === LARGEST_SEQUENCE ? 0 : last + 1)
}
