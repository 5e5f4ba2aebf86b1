// How much of what there is a batch takes: at most so many rows per partition, at most so many in all, and
// these shared out by lag, as Spark's direct stream does (DirectKafkaInputDStream.maxMessagesPerPartition).

/** Rows that each partition may give, at least 1 where it has any; never more than its lag. */
export function allot(
  lags: readonly bigint[],
  maxPerPartition: number | undefined,
  maxRows: number | undefined,
): bigint[] {
  const total = Number(lags.reduce((sum, lag) => sum + lag, 0n))
  return lags.map((lag) => {
    let rows = Number(lag)
    if (maxRows !== undefined && total > maxRows) rows = Math.floor((maxRows * rows) / total)
    if (maxPerPartition !== undefined) rows = Math.min(rows, Math.floor(maxPerPartition))
    const atLeastOne = BigInt(Math.max(1, rows))
    return atLeastOne < lag ? atLeastOne : lag
  })
}
