// The processor's front door: Spark Streaming's model over topics of a broker in this process.

export {
  type GetOrCreateOptions,
  StreamingContext,
  type StreamingContextState,
} from './processor/streaming-context.ts'
export type {
  DirectStreamOptions,
  ProcessorHost,
  StreamingContextOptions,
  TopicStreamOptions,
} from './processor/streaming-context-options.ts'
export type { JobModule } from './processor/executor/workers/load-job.ts'
export type { Duration } from './processor/graph/duration.ts'
export { HashPartitioner, type Partitioner, type Partitioning } from './processor/graph/partitioner.ts'
export { GraphError } from './processor/graph/errors.ts'
export type { OutputRecord } from './processor/graph/contracts/output.ts'
export type { StateCodec } from './processor/graph/contracts/state.ts'
export type { PoisonPolicy, RecordPlace } from './processor/graph/contracts/poison.ts'
export type { PoisonRecord } from './processor/scheduler/poison.ts'
export { FencedError } from './processor/ports.ts'
export type { PairRDD } from './processor/rdd/pair-rdd.ts'
export type { RDD } from './processor/rdd/rdd.ts'
export { RangePartitioner, type RangeOptions } from './processor/rdd/range-partitioner.ts'
export { BatchError } from './processor/scheduler/errors.ts'
export type { BackpressureOptions } from './processor/scheduler/backpressure.ts'
export type {
  BatchInfo,
  DataLossInfo,
  InputInfo,
  OutputOperationInfo,
  ReceiverInfo,
  StreamingListener,
} from './processor/scheduler/listener.ts'
export { type Delays, type StreamingFigures, StreamingMetrics } from './processor/scheduler/metrics.ts'
export { type RowKind, textValues, type TopicRecord, wholeRecords } from './processor/source/row-kind.ts'
export type { DStream } from './processor/streams/dstream.ts'
export type { PairDStream } from './processor/streams/pair-dstream.ts'
export type { StateDStream } from './processor/streams/state-dstream.ts'
export type { MapWithStateDStream } from './processor/streams/map-with-state-dstream.ts'
export type { Combiner } from './processor/rdd/shuffle.ts'
export { type State, StateSpec } from './processor/streams/state-spec.ts'
export type { StorageLevel } from './processor/rdd/storage-level.ts'
export { CheckpointError } from './processor/checkpoint/store.ts'
export { DataLossError } from './processor/source/errors.ts'
export { type RawRecord, valueContains } from './processor/source/raw-record.ts'
export { rawRecords, textPairs } from './processor/source/row-kind.ts'
export { BatchContext, type BatchContextOptions, type TopicRange } from './processor/batch-context.ts'
export type { RDDOf } from './processor/rdd/pair-rdd.ts'
export type { Accumulator, Broadcast } from './processor/rdd/shared.ts'
export type { TopicSelection } from './processor/source/topic-selection.ts'
export { connectKafka, type KafkaOptions, type RemoteKafka } from './client/connect-kafka.ts'
export { AuthenticationError } from './client/errors.ts'
export type { SaslMechanism } from './client/sasl.ts'
export type { SecurityProtocol } from './client/security.ts'
export { type FileFormat, fixedRecords, textLines, wholeFiles } from './processor/source/planned-files.ts'
export type { FileStreamOptions } from './processor/streams/file-input.ts'
export { Receiver, ReceiverFullError } from './processor/source/receiver.ts'
export { byteRows, plainRows, type RowCodec, textRows } from './processor/source/row-codec.ts'
export { linesOf, type SocketConverter } from './processor/source/socket-receiver.ts'
export type { ReceiverOptions } from './processor/streams/receiver-input.ts'
