// State for batches that may run twice in one process. A function may change the state that it is given in place;
// here it is given a copy, so that a run that is aborted leaves the committed value as it was. Only states that are
// objects are copied, once for each time they are asked for.

import type { StateCodec, StateOperator, StatePartition, StateStore } from '../graph/contracts/state.ts'

/** `plain`: for operators without a codec of their own, as the checkpoint has it. */
export function isolated(store: StateStore, plain: StateCodec<unknown>): StateStore {
  return {
    async open<S>(operator: StateOperator<S>) {
      const codec = operator.codec ?? (plain as StateCodec<S>)
      const partitions = await store.open(operator)
      return partitions.map((partition) => isolatedPartition(partition, codec))
    },
  }
}

function isolatedPartition<S>(inner: StatePartition<S>, codec: StateCodec<S>): StatePartition<S> {
  return {
    get size() {
      return inner.size
    },
    get(key) {
      const value = inner.get(key)
      return typeof value === 'object' && value !== null ? codec.decode(codec.encode(value)) : value
    },
    put: (key, value) => inner.put(key, value),
    remove: (key) => inner.remove(key),
    committed: () => inner.committed(),
    current: () => inner.current(),
  }
}
