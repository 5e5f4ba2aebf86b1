// A row as a line of text, as print and text files have it: tuples in round brackets, as in Spark.

export function rowText(row: unknown): string {
  if (Array.isArray(row)) return `(${row.map(rowText).join(',')})`
  if (typeof row === 'object' && row !== null && row.constructor === Object) {
    return JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  }
  return String(row)
}
