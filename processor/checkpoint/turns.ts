// Turns of the event loop by the bytes that were worked through since the last one: small state costs none.

import { setImmediate as nextTurn } from 'node:timers/promises'

export class Turns {
  private readonly everyBytes: number
  private bytes = 0

  constructor(everyBytes = 64 * 1024) {
    this.everyBytes = everyBytes
  }

  /** As many bytes more. */
  async after(bytes: number): Promise<void> {
    this.bytes += bytes
    if (this.bytes < this.everyBytes) return
    this.bytes = 0
    await nextTurn()
  }
}
