// Which quota is a client's: the most specific that is set counts, and clients that share it share its use. Order of
// Kafka's ClientQuotaManager:
//
//   user and client id │ user, default client id │ user │ default user and client id │ both default │ default user
//   │ client id │ default client id
//
// A quota of a user or of a client id alone is one account for all who fall under it by that name; every other
// combination is an account for each (user, client id).

/** null: the default of its kind; undefined: the kind is not named. */
export interface QuotaEntity {
  user?: string | null
  clientId?: string | null
}

export interface ClientLimit {
  /** Who shares the limit has the same. */
  account: string
  /** A second, in the unit of the quota. */
  limit: number
}

export class QuotaLimits {
  private readonly limits = new Map<string, number>()

  set(entity: QuotaEntity, limit: number): void {
    this.limits.set(keyOf(entity), limit)
  }

  get isEmpty(): boolean {
    return this.limits.size === 0
  }

  /** undefined: no quota of this kind is the client's. */
  of(user: string, clientId: string): ClientLimit | undefined {
    const both = JSON.stringify([user, clientId])
    const candidates: readonly [entity: QuotaEntity, account: string][] = [
      [{ user, clientId }, both],
      [{ user, clientId: null }, both],
      [{ user }, JSON.stringify([user, ''])],
      [{ user: null, clientId }, both],
      [{ user: null, clientId: null }, both],
      [{ user: null }, JSON.stringify([user, ''])],
      [{ clientId }, JSON.stringify(['', clientId])],
      [{ clientId: null }, JSON.stringify(['', clientId])],
    ]
    for (const [entity, account] of candidates) {
      const limit = this.limits.get(keyOf(entity))
      if (limit !== undefined) return { account, limit }
    }
    return undefined
  }
}

function keyOf({ user, clientId }: QuotaEntity): string {
  // undefined becomes a number, so that it is not null.
  return JSON.stringify([user === undefined ? 0 : user, clientId === undefined ? 0 : clientId])
}
