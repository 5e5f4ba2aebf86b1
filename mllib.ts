// Spark's streaming machine learning (MLlib): models that streams train, exactly once, and tests over streams.

export { StreamingKMeansModel, type TimeUnit } from './processor/mllib/k-means-model.ts'
export {
  type LabeledPoint,
  LinearRegressionModel,
  LogisticRegressionModel,
} from './processor/mllib/linear-models.ts'
export {
  type RandomCenters,
  StreamingKMeans,
  type StreamingKMeansOptions,
} from './processor/mllib/streaming-k-means.ts'
export {
  StreamingLinearRegressionWithSGD,
  type StreamingLogisticRegressionOptions,
  StreamingLogisticRegressionWithSGD,
  type StreamingRegressionOptions,
} from './processor/mllib/streaming-regression.ts'
export {
  type BinarySample,
  StreamingTest,
  type StreamingTestOptions,
} from './processor/mllib/streaming-test.ts'
export type { StreamingTestResult, TestMethod } from './processor/mllib/t-test.ts'
export type { Vector } from './processor/mllib/vector.ts'
