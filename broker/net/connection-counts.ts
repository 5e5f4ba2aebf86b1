// How many connections there are, in all and from each address: max.connections and max.connections.per.ip hold for the
// broker, whichever of its listeners clients come through.

export class ConnectionCounts {
  private all = 0
  private readonly perIp = new Map<string, number>()

  get total(): number {
    return this.all
  }

  from(ip: string): number {
    return this.perIp.get(ip) ?? 0
  }

  opened(ip: string): void {
    this.all++
    this.perIp.set(ip, this.from(ip) + 1)
  }

  closed(ip: string): void {
    this.all--
    const left = this.from(ip) - 1
    if (left > 0) this.perIp.set(ip, left)
    else this.perIp.delete(ip)
  }
}
