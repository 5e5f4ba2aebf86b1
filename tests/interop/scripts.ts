// The scripts of Kafka's bin/: the class that each runs, what KIP-1147 renamed in its options, and which of them the
// suite does not run.

/** The class that each script runs. */
export const classes = {
  'connect-distributed': 'org.apache.kafka.connect.cli.ConnectDistributed',
  'connect-standalone': 'org.apache.kafka.connect.cli.ConnectStandalone',
  'kafka-acls': 'org.apache.kafka.tools.AclCommand',
  'kafka-broker-api-versions': 'org.apache.kafka.tools.BrokerApiVersionsCommand',
  'kafka-client-metrics': 'org.apache.kafka.tools.ClientMetricsCommand',
  'kafka-cluster': 'org.apache.kafka.tools.ClusterTool',
  'kafka-configs': 'kafka.admin.ConfigCommand',
  'kafka-console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'kafka-console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'kafka-console-share-consumer': 'org.apache.kafka.tools.consumer.ConsoleShareConsumer',
  'kafka-consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'kafka-consumer-perf-test': 'org.apache.kafka.tools.ConsumerPerformance',
  'kafka-delegation-tokens': 'org.apache.kafka.tools.DelegationTokenCommand',
  'kafka-delete-records': 'org.apache.kafka.tools.DeleteRecordsCommand',
  'kafka-dump-log': 'org.apache.kafka.tools.DumpLogSegments',
  'kafka-e2e-latency': 'org.apache.kafka.tools.EndToEndLatency',
  'kafka-features': 'org.apache.kafka.tools.FeatureCommand',
  'kafka-get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'kafka-groups': 'org.apache.kafka.tools.GroupsCommand',
  'kafka-leader-election': 'org.apache.kafka.tools.LeaderElectionCommand',
  'kafka-log-dirs': 'org.apache.kafka.tools.LogDirsCommand',
  'kafka-metadata-quorum': 'org.apache.kafka.tools.MetadataQuorumCommand',
  'kafka-metadata-shell': 'org.apache.kafka.shell.MetadataShell',
  'kafka-producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
  'kafka-reassign-partitions': 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  'kafka-replica-verification': 'org.apache.kafka.tools.ReplicaVerificationTool',
  'kafka-share-consumer-perf-test': 'org.apache.kafka.tools.ShareConsumerPerformance',
  'kafka-share-groups': 'org.apache.kafka.tools.consumer.group.ShareGroupCommand',
  'kafka-server-start': 'kafka.Kafka',
  'kafka-storage': 'kafka.tools.StorageTool',
  'kafka-streams-application-reset': 'org.apache.kafka.tools.StreamsResetter',
  'kafka-streams-groups': 'org.apache.kafka.tools.streams.StreamsGroupCommand',
  'kafka-topics': 'org.apache.kafka.tools.TopicCommand',
  'kafka-transactions': 'org.apache.kafka.tools.TransactionsCommand',
  'kafka-verifiable-consumer': 'org.apache.kafka.tools.VerifiableConsumer',
  'kafka-verifiable-producer': 'org.apache.kafka.tools.VerifiableProducer',
  'kafka-verifiable-share-consumer': 'org.apache.kafka.tools.VerifiableShareConsumer',
} as const

export type Script = keyof typeof classes

/** What KIP-1147 renamed: option of 4.2, option before it. */
export const renamed: Partial<Record<Script, Readonly<Record<string, string>>>> = {
  'kafka-cluster': { '--command-config': '--config' },
  'kafka-console-consumer': {
    '--command-property': '--consumer-property',
    '--command-config': '--consumer.config',
    '--formatter-property': '--property',
  },
  'kafka-console-producer': {
    '--command-property': '--producer-property',
    '--command-config': '--producer.config',
    '--reader-property': '--property',
    '--batch-size': '--max-partition-memory-bytes',
  },
  'kafka-console-share-consumer': {
    '--command-property': '--consumer-property',
    '--command-config': '--consumer-config',
    '--formatter-property': '--property',
  },
  'kafka-consumer-perf-test': { '--command-config': '--consumer.config', '--num-records': '--messages' },
  'kafka-leader-election': { '--command-config': '--admin.config' },
  'kafka-producer-perf-test': {
    '--command-property': '--producer-props',
    '--command-config': '--producer.config',
  },
  'kafka-share-consumer-perf-test': {
    '--command-config': '--consumer.config',
    '--num-records': '--messages',
  },
  'kafka-streams-application-reset': { '--command-config': '--config-file' },
  'kafka-verifiable-consumer': { '--command-config': '--consumer.config' },
  'kafka-verifiable-producer': { '--command-config': '--producer.config' },
}

const noUsers = 'an unsecured Kafka refuses it too'
/** What the suite does not run, and why. */
export const notRun: Partial<Record<Script, string>> = {
  'kafka-acls': noUsers,
  'kafka-delegation-tokens': noUsers,
  'kafka-replica-verification': 'compares replicas, and there is one',
}
