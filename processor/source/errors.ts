// What can be wrong with rows that a plan asks for.

/** Rows that the job has to read are gone from the log, or another topic stands in their place. */
export class DataLossError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DataLossError'
  }
}
