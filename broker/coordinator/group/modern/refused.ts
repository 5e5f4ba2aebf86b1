// A request that a group refuses: the protocol's error, with a text that clients show. Thrown while a decision is
// being made and caught where it began, so nothing of the decision is left.

export class Refused extends Error {
  override readonly name = 'Refused'
  readonly errorCode: number

  constructor(errorCode: number, message: string) {
    super(message)
    this.errorCode = errorCode
  }
}
