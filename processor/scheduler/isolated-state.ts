// State for batches that may run twice in one process. A function may change the state that it is given in place;
// here it is given a copy, so that a run that is aborted leaves the committed value as it was. Only states that are
// objects are copied, once for each time they are asked for.

import type {
  StateCodec,
  StateCursor,
  StateOperator,
  StatePartition,
  StateStore,
} from '../graph/contracts/state.ts'
import { OperatorError } from '../graph/errors.ts'
import type { Key } from '../graph/key.ts'

/** `plain`: for operators without a codec of their own, as the checkpoint has it. */
export function isolated(store: StateStore, plain: StateCodec<unknown>): StateStore {
  return {
    async open<S>(operator: StateOperator<S>) {
      const codec = operator.codec ?? (plain as StateCodec<S>)
      const partitions = await store.open(operator)
      return partitions.map((partition) => isolatedPartition(partition, codec, operator.id))
    },
  }
}

function isolatedPartition<S>(
  inner: StatePartition<S>,
  codec: StateCodec<S>,
  operator: string,
): StatePartition<S> {
  const copied = <V extends S | undefined>(value: V): V => {
    if (typeof value !== 'object' || value === null) return value
    const copy = codec.decode(codec.encode(value as S)) as V
    // The function would take the key for one without state.
    if (copy === undefined) {
      throw new OperatorError(
        operator,
        new TypeError('its codec: decode gave undefined, which is no state'),
        true,
      )
    }
    return copy
  }
  return {
    get size() {
      return inner.size
    },
    get: (key) => copied(inner.get(key)),
    put: (key, value) => inner.put(key, value),
    remove: (key) => inner.remove(key),
    place: (key) => inner.place(key),
    get end() {
      return inner.end
    },
    keyAt: (place) => inner.keyAt(place),
    at: (place) => copied(inner.at(place)),
    set: (place, value) => inner.set(place, value),
    own: (value) => copied(value),
    committedAt: (place) => copied(inner.committedAt(place)),
    committed: () => new CopyingCursor(inner.committed(), copied),
    current: () => new CopyingCursor(inner.current(), copied),
  }
}

/** Copies what is asked for: a walk over the keys alone copies nothing. */
class CopyingCursor<S> implements StateCursor<S> {
  private readonly inner: StateCursor<S>
  private readonly copied: (value: S) => S

  constructor(inner: StateCursor<S>, copied: (value: S) => S) {
    this.inner = inner
    this.copied = copied
  }

  get key(): Key {
    return this.inner.key
  }

  get value(): S {
    return this.copied(this.inner.value)
  }

  next(): boolean {
    return this.inner.next()
  }
}
