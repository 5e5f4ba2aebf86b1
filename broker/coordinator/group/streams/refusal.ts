// A heartbeat that is refused: thrown inside a decision, answered by it; nothing is written.

export class Refusal extends Error {
  readonly errorCode: number

  constructor(errorCode: number, message: string) {
    super(message)
    this.errorCode = errorCode
  }
}
