// Where logmill answers otherwise than Apache Kafka 4.3.1, and why. answers.test.ts fails for a difference that
// is not here, and for a line here that is no difference. docs/compatibility.md tells them to users.

export interface KnownDifference {
  /** For the document. */
  about: string
  /** Of the question. */
  title: RegExp
  /** In the answer. */
  path: RegExp
  /** Ours lacks it; a value of our own would be a mistake. */
  absent?: true
  reason: string
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    about: 'ApiVersions: the list of APIs',
    title: /^ApiVersions:/,
    path: /^apiKeys\[\d+\]$/,
    absent: true,
    reason: 'what is not served is not advertised',
  },
  {
    about: 'ApiVersions: features',
    title: /^ApiVersions:/,
    path: /[fF]eatures/,
    reason: 'features are those of this broker, at the levels that it serves',
  },
  {
    about: 'AlterConfigs that names a resource twice',
    title: /^AlterConfigs: one resource twice$/,
    path: /^$/,
    reason: 'INVALID_REQUEST for both; Kafka fails within and never answers',
  },
  {
    about: 'CreatePartitions: more than a request may make',
    title: /^CreatePartitions: beyond what a request may$/,
    path: /error(Code|Message)$/,
    reason: 'POLICY_VIOLATION, as in CreateTopics; Kafka fails within and says UNKNOWN_SERVER_ERROR',
  },
  {
    about: 'CreateTopics: names that collide within one request',
    title: /^CreateTopics: names that collide with each other$/,
    path: /^topics\[x_y\]/,
    reason: 'the second is refused as it is when the first is there already; Kafka makes both',
  },
  {
    about: 'CreateTopics: the configuration',
    title: /^CreateTopics: /,
    path: /configs\[logmill.durability\]$/,
    reason: 'logmill has one topic setting more',
  },
  {
    about: 'CreateTopics with validateOnly: the topic id',
    title: /^CreateTopics: /,
    path: /\.topicId$/,
    reason: 'validateOnly makes no topic, so there is no id to tell; Kafka tells one that nobody will have',
  },
  {
    about: 'DescribeConfigs: the same key',
    title: /^DescribeConfigs: (no keys|with synonyms)$/,
    path: /configs\[logmill.durability\]$/,
    reason: 'as in CreateTopics',
  },
  {
    about: 'DescribeConfigs of a broker: where it is',
    title: /^DescribeConfigs: broker "1"$/,
    path: /configs\[((advertised\.)?listeners|controller\.(listener\.names|quorum\.bootstrap\.servers)|inter\.broker\.listener\.name|listener\.security\.protocol\.map|log\.dirs|node\.id|process\.roles)\]/,
    reason: 'they listen in different places, and logmill has defaults for what Kafka must be told',
  },
  {
    about: 'DescribeConfigs of a broker or a topic: keys of logmill’s own',
    title: /^DescribeConfigs: (broker "1"|topic "kept")$/,
    path: /configs\[logmill\.[a-z.]+\]$/,
    reason: 'settings that Kafka does not have',
  },
  {
    about: 'DescribeConfigs of loggers',
    title: /^DescribeConfigs: logger of broker "1", root$/,
    path: /\.value$/,
    reason: 'there is one logger, root, which begins at INFO; Kafka’s are those of its log4j configuration',
  },
  {
    about: 'DescribeLogDirs of a broker in memory: the room there is',
    title: /^DescribeLogDirs: /,
    path: /(total|usable)Bytes$/,
    reason: 'there is no file system to ask; with a data directory it is told',
  },
  {
    about: 'DescribeQuorum: where the voter is',
    title: /^DescribeQuorum: the metadata log$/,
    path: /listeners\[\w+\]$/,
    reason: 'a quorum of one opens no listener for controllers: its broker’s is told',
  },
  {
    about: 'DescribeTopicPartitions of an empty name',
    title: /^DescribeTopicPartitions: an empty name$/,
    path: /(errorCode|topicAuthorizedOperations)$/,
    reason: 'INVALID_TOPIC_EXCEPTION; Kafka fails within and says UNKNOWN_SERVER_ERROR',
  },
  {
    about: 'FindCoordinator that finds: the message',
    title: /^FindCoordinator: /,
    path: /errorMessage$/,
    reason: 'no message where nothing is wrong; Kafka sends "" or "NONE"',
  },
  {
    about: 'IncrementalAlterConfigs: an unknown operation',
    title: /^IncrementalAlterConfigs: an unknown operation$/,
    path: /error(Code|Message)$/,
    reason: 'INVALID_REQUEST; Kafka fails within and says UNKNOWN_SERVER_ERROR',
  },
  {
    about: 'IncrementalAlterConfigs: listeners',
    title: /^IncrementalAlterConfigs: broker "1": set listeners=/,
    path: /error(Code|Message)$/,
    reason:
      'what is set already is accepted; Kafka would lose a listener that it advertises. Any other is refused here',
  },
  {
    about: 'ListGroups',
    title: /^ListGroups: /,
    path: /^groups\[refused\]$/,
    absent: true,
    reason: 'a JoinGroup that was refused leaves no group behind; Kafka keeps an empty one until it expires',
  },
  {
    about: 'Metadata that makes a topic',
    title: /^Metadata: a topic to be made$/,
    path: /^topics\[auto-\d+\]/,
    reason:
      'the answer has the topic, ready to be written to; Kafka says UNKNOWN_TOPIC_OR_PARTITION until the client asks again',
  },
  {
    about: 'Metadata by neither id nor name',
    title: /^Metadata: by no id and no name$/,
    path: /./,
    reason: 'UNKNOWN_TOPIC_ID for the one topic; Kafka fails within and answers nothing of the request',
  },
  {
    about: 'Produce: a partition without records',
    title: /^Produce: null records$/,
    path: /^$/,
    reason: 'INVALID_RECORD; Kafka never answers',
  },
  {
    about: 'Produce: a codec that does not exist, compressed records that are none',
    title:
      /^Produce: (a codec that there is not|compressed records that are none|compressed records that end early)$/,
    path: /(errorCode|logStartOffset)$/,
    reason:
      'UNSUPPORTED_COMPRESSION_TYPE and CORRUPT_MESSAGE; Kafka fails within and says UNKNOWN_SERVER_ERROR',
  },
  {
    about: 'Produce: bytes behind the batch, LogAppendTime set by the producer',
    title: /^Produce: (bytes behind the batch|LogAppendTime by the producer)$/,
    path: /./,
    reason:
      'CORRUPT_MESSAGE and INVALID_TIMESTAMP; Kafka cuts the bytes off and clears the bit, and no client sends either',
  },
  {
    about: 'Produce: a length or a magic that no batch has: the message',
    title: /^Produce: (a length of nothing|magic 3)$/,
    path: /errorMessage$/,
    reason: 'refused alone and without a message; Kafka refuses the whole request for it',
  },
  {
    about: 'ShareFetch: a topic id that no topic has',
    title: /^ShareFetch: of an unknown topic$/,
    path: /^(errorCode|acquisitionLockTimeoutMs|responses)/,
    reason: 'the partition is refused with UNKNOWN_TOPIC_ID and the session goes on; Kafka fails as a whole',
  },
]
