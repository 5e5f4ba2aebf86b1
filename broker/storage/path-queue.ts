// Replacements of one path wait for each other, because they share the name that is written aside: the last
// one asked for is the one that stays.

export class PathQueue {
  private readonly last = new Map<string, Promise<void>>()

  async run(path: string, act: () => Promise<void>): Promise<void> {
    const before = this.last.get(path) ?? Promise.resolve()
    // Whoever asked for the earlier one hears of its failure; this one is tried all the same.
    const turn = before.catch(() => {}).then(act)
    this.last.set(path, turn)
    try {
      await turn
    } finally {
      if (this.last.get(path) === turn) this.last.delete(path)
    }
  }
}
