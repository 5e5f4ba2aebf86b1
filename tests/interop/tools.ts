// Kafka's command line tools by the names of their scripts, which is how people call them: each script of Kafka's
// bin/ is one Java class. Options are written in the spelling of Kafka 4.2 (KIP-1147); the one before it works until
// 5.0, and `spelled('before', …)` says the same in it.

import { java, javaMissing } from './clients.ts'
import { run } from './world.ts'

/** The class that each script runs. */
const classes = {
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

/** `since`: as KIP-1147 spells it; `before`: as it was spelled until Kafka 4.1, understood until 5.0. */
export type Spelling = 'since' | 'before'
export const spellings: readonly Spelling[] = ['since', 'before']

/** What KIP-1147 renamed: option of 4.2, option before it. */
const renamed: Partial<Record<Script, Readonly<Record<string, string>>>> = {
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

export const toolsMissing = javaMissing

/** The command that the script runs, to be given to `run` or `Running`. */
export function tool(script: Script, ...args: string[]): string[] {
  return java(classes[script], ...args)
}

/** The arguments of a script as a spelling has them. Throws where nothing in them was renamed: then there is one. */
export function spelled(spelling: Spelling, script: Script, ...args: string[]): string[] {
  const names = renamed[script] ?? {}
  if (!args.some((arg) => arg in names)) throw new Error(`${script}: no option of these has two spellings`)
  return spelling === 'since' ? args : args.map((arg) => names[arg] ?? arg)
}

/** Runs a tool that takes `--bootstrap-server`; the lines of its standard output. Throws unless it ends with 0. */
export function runTool(bootstrap: string, script: Script, ...args: string[]): Promise<string[]> {
  return run(tool(script, '--bootstrap-server', bootstrap, ...args))
}

/** The rows of a table that a tool printed, by the header's names; no cell may have a space in it. */
export function table(lines: readonly string[], firstColumn: string): Record<string, string>[] {
  const start = lines.findIndex((line) => line.startsWith(firstColumn))
  const names = (lines[start] ?? '').trim().split(/\s+/)
  const cells = (line: string): string[] => line.trim().split(/\s+/)
  return lines
    .slice(start + 1)
    .filter((line) => line.trim() !== '')
    .map((line) => Object.fromEntries(cells(line).map((cell, i) => [names[i] ?? '', cell])))
}
