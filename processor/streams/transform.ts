// A function over the RDDs of a batch, run once per batch while it is described: joins with static data,
// and whatever RDDs have that streams have not.

import type { NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { PairRDD } from '../rdd/pair-rdd.ts'
import type { RDD } from '../rdd/rdd.ts'
import { needed } from './union.ts'

export function transform<U>(
  parents: readonly StreamNode<unknown>[],
  f: (rdds: PairRDD<unknown, unknown>[], time: Date) => RDD<U>,
  name?: string,
): NodeSpec<U> {
  if (parents.length === 0) throw new TypeError('there are no streams to transform')
  return {
    kind: 'transform',
    name,
    parents,
    compute(timeMs, scope, id) {
      const context = scope.rddContext(id)
      // A PairRDD is an RDD with more methods; the caller's types say which of them may be used.
      const rdds = parents.map(
        (parent) =>
          new PairRDD(needed(parent as StreamNode<readonly [unknown, unknown]>, timeMs, scope), context),
      )
      const rdd: RDD<U> | undefined = f(rdds, new Date(timeMs))
      if (rdd === undefined) throw new TypeError('its function gave no RDD; for no rows, give an empty one')
      return rdd.dataset
    },
  }
}
