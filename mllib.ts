// Spark's streaming machine learning (MLlib): models that streams train, exactly once, and tests over streams.

export { StreamingKMeansModel, type TimeUnit } from './processor/mllib/k-means-model.ts'
export {
  type RandomCenters,
  StreamingKMeans,
  type StreamingKMeansOptions,
} from './processor/mllib/streaming-k-means.ts'
export type { Vector } from './processor/mllib/vector.ts'
