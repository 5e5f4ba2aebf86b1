// A list that grows by pages: a plain array that grows is copied as a whole, which holds the event loop for as long as
// it takes. A page that is begun grows as an array does, so that a short list costs what it holds.

const PAGE_BITS = 12
const PAGE = 1 << PAGE_BITS

export class Paged<T> {
  private readonly pages: T[][] = []
  length = 0

  /** Below `length`. */
  get(index: number): T {
    return (this.pages[index >>> PAGE_BITS] as T[])[index & (PAGE - 1)] as T
  }

  /** Below `length`. */
  set(index: number, value: T): void {
    ;(this.pages[index >>> PAGE_BITS] as T[])[index & (PAGE - 1)] = value
  }

  /** Returns its index. */
  push(value: T): number {
    const index = this.length++
    if ((index & (PAGE - 1)) === 0) this.pages.push([])
    ;(this.pages[index >>> PAGE_BITS] as T[]).push(value)
    return index
  }
}
