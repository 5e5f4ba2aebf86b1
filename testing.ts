// What tests of jobs are written with: a job in memory, batch by batch, on a clock that the test moves.

export { TestInput, type TestInputOptions } from './tools/testing/inputs.ts'
export { TestOutput } from './tools/testing/outputs.ts'
export { type TestRecord, TestTopic } from './tools/testing/topics.ts'
export { StreamingTest, type StreamingTestOptions } from './tools/testing/streaming-test.ts'
