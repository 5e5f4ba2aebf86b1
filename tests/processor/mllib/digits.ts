// Numbers as far as two programs agree that add in another order, or by another instruction: eleven digits.

export function digits<T>(value: T): T {
  if (typeof value === 'number') return Number(value.toPrecision(11)) as T
  if (Array.isArray(value)) return value.map((each: unknown) => digits(each)) as T
  return value
}
