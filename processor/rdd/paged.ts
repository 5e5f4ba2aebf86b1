// Lists that grow by pages: a plain array that grows is copied as a whole, which holds the event loop for as long as it
// takes. The first page grows as an array does, so that a short list costs what it holds.

const PAGE_BITS = 12
const PAGE = 1 << PAGE_BITS
const FIRST_INTS = 16

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
    const at = index & (PAGE - 1)
    if (at === 0) this.begin(index === 0 ? 0 : PAGE)
    ;(this.pages[index >>> PAGE_BITS] as T[])[at] = value
    return index
  }

  private begin(length: number): void {
    const page: T[] = []
    page.length = length
    this.pages.push(page)
  }
}

/** The same of 32-bit integers, in memory that the garbage collector need not walk through. */
export class PagedInts {
  private readonly pages: Int32Array[] = []
  length = 0

  /** Below `length`. */
  get(index: number): number {
    return (this.pages[index >>> PAGE_BITS] as Int32Array)[index & (PAGE - 1)] as number
  }

  /** Below `length`. */
  set(index: number, value: number): void {
    ;(this.pages[index >>> PAGE_BITS] as Int32Array)[index & (PAGE - 1)] = value
  }

  /** Returns its index. */
  push(value: number): number {
    const index = this.length++
    const at = index & (PAGE - 1)
    let page = this.pages[index >>> PAGE_BITS]
    if (page === undefined || at === page.length) page = this.grow(index >>> PAGE_BITS)
    page[at] = value
    return index
  }

  private grow(number: number): Int32Array {
    const begun = this.pages[number]
    const page = new Int32Array(number > 0 ? PAGE : begun === undefined ? FIRST_INTS : 2 * begun.length)
    if (begun !== undefined) page.set(begun)
    return (this.pages[number] = page)
  }
}
