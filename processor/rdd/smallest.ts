// The first few rows of an order without sorting the rest: a heap of as many, whose root is the last of them.

import type { Compare } from './order.ts'

export class Smallest<T> {
  private readonly heap: T[] = []
  private readonly most: number
  private readonly compare: Compare<T>

  constructor(most: number, compare: Compare<T>) {
    this.most = most
    this.compare = compare
  }

  add(row: T): void {
    const { heap, most, compare } = this
    if (heap.length < most) {
      heap.push(row)
      this.up(heap.length - 1)
    } else if (most > 0 && compare(row, heap[0] as T) < 0) {
      heap[0] = row
      this.down(0)
    }
  }

  /** In order. */
  rows(): T[] {
    return [...this.heap].sort(this.compare)
  }

  private up(from: number): void {
    const { heap, compare } = this
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1
      if (compare(heap[at] as T, heap[above] as T) <= 0) return
      this.swap(at, above)
      at = above
    }
  }

  private down(from: number): void {
    const { heap, compare } = this
    for (let at = from; ; ) {
      let largest = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && compare(heap[child] as T, heap[largest] as T) > 0) largest = child
      }
      if (largest === at) return
      this.swap(at, largest)
      at = largest
    }
  }

  private swap(a: number, b: number): void {
    const { heap } = this
    const row = heap[a] as T
    heap[a] = heap[b] as T
    heap[b] = row
  }
}
