// How much of what there is a batch takes: rows of the whole batch shared out by lag, then at most and at
// least so many per partition (Spark's DirectKafkaInputDStream.maxMessagesPerPartition).

export interface Limits {
  /** Rows of the whole batch; undefined: no limit. */
  readonly maxRows: number | undefined
  /** Rows of each partition; undefined: no limit. */
  readonly maxPerPartition: number | undefined
  /** Where there is a limit, each partition may give as many all the same; at least 1. */
  readonly minPerPartition: number
}

/** Rows that each partition gives: never more than its lag. */
export function allot(lags: readonly bigint[], limits: Limits): bigint[] {
  const { maxRows, maxPerPartition, minPerPartition } = limits
  const total = Number(lags.reduce((sum, lag) => sum + lag, 0n))
  return lags.map((lag) => {
    let rows = Number(lag)
    if (maxRows !== undefined && total > maxRows) rows = (maxRows * rows) / total
    if (maxPerPartition !== undefined) rows = Math.min(rows, maxPerPartition)
    const allowed = BigInt(Math.floor(Math.max(1, minPerPartition, rows)))
    return allowed < lag ? allowed : lag
  })
}
