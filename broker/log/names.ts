// Every file name below the data directory, as Kafka writes it (LogFileUtils, UnifiedLog, LogManager).
// Nothing else builds or parses one.
//
//   <topic>-<partition>/                       00000000000000000042.log        the batches from offset 42 on
//     leader-epoch-checkpoint                  00000000000000000042.index      offset index
//     partition.metadata                       00000000000000000042.timeindex  time index
//     sync-failed  ours: see failed-sync.ts    00000000000000000042.txnindex   aborted transactions
//   <topic>-<partition>.<hex>-delete/          00000000000000000042.snapshot   producer state before offset 42
//   meta.properties                            ….deleted                       on its way out, removed at open
//   recovery-point-offset-checkpoint           ….cleaned, ….swap               what compaction/swap.ts is at
//   log-start-offset-checkpoint
//   replication-offset-checkpoint
//   cleaner-offset-checkpoint
//   clock-checkpoint                          ours: see partition/clean-up-time.ts
//   .kafka_cleanshutdown

export const META_PROPERTIES_FILE = 'meta.properties'
export const RECOVERY_POINT_FILE = 'recovery-point-offset-checkpoint'
export const LOG_START_OFFSET_FILE = 'log-start-offset-checkpoint'
export const REPLICATION_OFFSET_FILE = 'replication-offset-checkpoint'
export const CLEANER_OFFSET_FILE = 'cleaner-offset-checkpoint'
export const CLOCK_FILE = 'clock-checkpoint'
export const CLEAN_SHUTDOWN_FILE = '.kafka_cleanshutdown'
export const LEADER_EPOCH_FILE = 'leader-epoch-checkpoint'
/** The controller's own log lies beside the partitions and is none of them. */
export const METADATA_DIRECTORY = '__cluster_metadata-0'
export const PARTITION_METADATA_FILE = 'partition.metadata'
/** Ours: see failed-sync.ts. */
export const SYNC_FAILED_FILE = 'sync-failed'

export const LOG_SUFFIX = '.log'
export const OFFSET_INDEX_SUFFIX = '.index'
export const TIME_INDEX_SUFFIX = '.timeindex'
export const TXN_INDEX_SUFFIX = '.txnindex'
export const SNAPSHOT_SUFFIX = '.snapshot'
export const DELETED_SUFFIX = '.deleted'
export const CLEANED_SUFFIX = '.cleaned'
export const SWAP_SUFFIX = '.swap'

/** What may be left of an interrupted operation and is removed at open. */
const LEFTOVER_SUFFIXES = [DELETED_SUFFIX, CLEANED_SUFFIX, '.tmp']

const SEGMENT_SUFFIXES = [
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
  SNAPSHOT_SUFFIX,
]

const MAX_OFFSET = 0x7fffffffffffffffn
const DELETE_FOLDER = /^(.+)\.[0-9a-f]{32}-delete$/
const FUTURE_OR_STRAY = /\.[0-9a-f]{32}-(future|stray)$/

/** '42.log' with the offset padded to 20 digits. */
export function segmentFileName(baseOffset: bigint, suffix: string): string {
  return baseOffset.toString().padStart(20, '0') + suffix
}

/** The offset in a name with the given suffix, undefined where it is not such a name. */
export function offsetOfFileName(name: string, suffix: string): bigint | undefined {
  if (!name.endsWith(suffix)) return undefined
  const digits = name.slice(0, -suffix.length)
  if (!/^[0-9]{20}$/.test(digits)) return undefined
  const offset = BigInt(digits)
  return offset <= MAX_OFFSET ? offset : undefined
}

/** The base offset of any file that belongs to a segment. */
export function segmentOfFileName(name: string): { baseOffset: bigint; suffix: string } | undefined {
  for (const suffix of SEGMENT_SUFFIXES) {
    const baseOffset = offsetOfFileName(name, suffix)
    if (baseOffset !== undefined) return { baseOffset, suffix }
  }
  return undefined
}

export function isLeftover(name: string): boolean {
  return LEFTOVER_SUFFIXES.some((suffix) => name.endsWith(suffix))
}

export function partitionDirectoryName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** Topic and partition of a folder name; undefined for anything else, such as one that is being deleted. */
export function parsePartitionDirectoryName(name: string): { topic: string; partition: number } | undefined {
  if (DELETE_FOLDER.test(name) || FUTURE_OR_STRAY.test(name)) return undefined
  const dash = name.lastIndexOf('-')
  const digits = name.slice(dash + 1)
  if (dash < 1 || !/^(0|[1-9][0-9]{0,9})$/.test(digits)) return undefined
  const partition = Number(digits)
  return partition <= 0x7fffffff ? { topic: name.slice(0, dash), partition } : undefined
}

/** The folder of a deleted partition until its files are gone; `uniqueHex` is 32 hex digits. Kafka cuts it to 255. */
export function deletedDirectoryName(topic: string, partition: number, uniqueHex: string): string {
  const suffix = `-${partition}.${uniqueHex}-delete`
  return topic.slice(0, 255 - suffix.length) + suffix
}

export function isDeletedDirectoryName(name: string): boolean {
  return DELETE_FOLDER.test(name)
}
