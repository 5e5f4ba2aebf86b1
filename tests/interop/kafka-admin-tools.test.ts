// The administrative command line tools of Kafka 4.3 against one broker process: log directories, elections,
// reassignments, the quorum, the cluster, configuration of every type of resource.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { skipReason } from './clients.ts'
import { runTool, type Script, spelled, spellings, table, tool, toolsMissing } from './tools.ts'
import { run, Server } from './world.ts'

const maybe =
  skipReason({ name: 'Kafka administrative tools', missing: toolsMissing }) === undefined ? test : test.skip

let server: Server
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'logmill-admin-'))
  server = await Server.start()
  await asked('kafka-topics', '--create', '--topic', 'orders', '--partitions', '2')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const asked = async (script: Script, ...args: string[]): Promise<string> =>
  (await runTool(server.bootstrap, script, ...args)).join('\n')
/** For tools whose subcommand stands before `--bootstrap-server`. */
const commanded = async (script: Script, command: string, ...args: string[]): Promise<string> =>
  (await run(tool(script, command, '--bootstrap-server', server.bootstrap, ...args))).join('\n')
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

describe('the tools of a cluster', () => {
  maybe('kafka-log-dirs tells directory and sizes', async () => {
    const text = await asked('kafka-log-dirs', '--describe', '--topic-list', 'orders')
    const told = JSON.parse(text.split('\n').find((line) => line.startsWith('{')) ?? '') as {
      brokers: { broker: number; logDirs: { logDir: string; partitions: { partition: string }[] }[] }[]
    }
    const [directory] = told.brokers[0]?.logDirs ?? []
    expect(directory?.logDir).toBe(server.dataDir)
    expect(directory?.partitions.map(({ partition }) => partition).sort()).toEqual(['orders-0', 'orders-1'])
  })

  maybe('kafka-leader-election finds the leaders where they belong', async () => {
    await asked('kafka-leader-election', '--election-type', 'preferred', '--all-topic-partitions')
    const orders = ['--topic', 'orders', '--partition', '0']
    expect(await asked('kafka-leader-election', '--election-type', 'unclean', ...orders)).toContain(
      'Valid replica already elected for partitions orders-0',
    )
    const unknown = ['--topic', 'unknown', '--partition', '0']
    await expect(asked('kafka-leader-election', '--election-type', 'preferred', ...unknown)).rejects.toThrow(
      /1 replica\(s\) could not be elected|does not exist|No such topic/,
    )
  })

  maybe('kafka-reassign-partitions generates, executes, verifies, lists and cancels', async () => {
    const moved = file('topics.json', '{"topics":[{"topic":"orders"}],"version":1}')
    const generate = ['--topics-to-move-json-file', moved, '--broker-list', '1', '--generate']
    expect(await asked('kafka-reassign-partitions', ...generate)).toMatch(/Proposed partition reassignment/)
    const plan = (replicas: number[], logDir: string): string =>
      JSON.stringify({
        version: 1,
        partitions: [0, 1].map((partition) => ({
          topic: 'orders',
          partition,
          replicas,
          log_dirs: replicas.map(() => logDir),
        })),
      })
    const stay = ['--reassignment-json-file', file('stay.json', plan([1], server.dataDir))]
    const executed = await asked('kafka-reassign-partitions', ...stay, '--execute', '--throttle', '1000000')
    expect(executed).toContain('Successfully started partition reassignments for orders-0,orders-1')
    expect(executed).toContain(`Successfully started moving log directory to ${server.dataDir}`)
    const verified = await asked('kafka-reassign-partitions', ...stay, '--verify')
    expect(verified).toContain('Reassignment of partition orders-1 is completed.')
    expect(verified).toContain('Clearing broker-level throttles on broker 1')
    expect(await asked('kafka-reassign-partitions', '--list')).toContain('No partition reassignments found.')
    expect(await asked('kafka-reassign-partitions', ...stay, '--cancel')).toContain(
      'None of the specified partition reassignments are active.',
    )
    const away = ['--reassignment-json-file', file('away.json', plan([9], 'any'))]
    await expect(asked('kafka-reassign-partitions', ...away, '--execute')).rejects.toThrow(
      /Unknown broker id 9|no such broker/,
    )
  })

  maybe('kafka-metadata-quorum describes a quorum of one', async () => {
    const status = await asked('kafka-metadata-quorum', 'describe', '--status')
    expect(status).toMatch(/LeaderId:\s+1\n/)
    expect(status).toMatch(/MaxFollowerLag:\s+0\n/)
    expect(status).toContain(`"endpoints": ["PLAINTEXT://${server.bootstrap}"]`)
    const lines = await runTool(server.bootstrap, 'kafka-metadata-quorum', 'describe', '--replication')
    const [row] = table(lines, 'NodeId')
    expect(row).toMatchObject({ NodeId: '1', Lag: '0', Status: 'Leader' })
    await expect(
      asked('kafka-metadata-quorum', 'remove-controller', '-i', '1', '-d', row?.DirectoryId ?? ''),
    ).rejects.toThrow(/UnsupportedVersion/)
  })

  maybe('kafka-cluster tells id and endpoints, and unregisters nobody who is there', async () => {
    expect(await commanded('kafka-cluster', 'cluster-id')).toMatch(/Cluster ID: [\w-]{22}/)
    expect(await commanded('kafka-cluster', 'list-endpoints')).toMatch(/1 +127\.0\.0\.1 +\d+ .*unfenced/)
    await expect(commanded('kafka-cluster', 'unregister', '--id', '9')).rejects.toThrow(
      /BrokerIdNotRegisteredException/,
    )
    await expect(commanded('kafka-cluster', 'unregister', '--id', '1')).rejects.toThrow(
      /only a broker that has stopped can be unregistered/,
    )
  })

  maybe('kafka-features and kafka-broker-api-versions read what is served', async () => {
    expect(await asked('kafka-features', 'describe')).toMatch(
      /metadata\.version\s+SupportedMinVersion: 3\.3-IV3\s+SupportedMaxVersion: 4\.3-IV0\s+FinalizedVersionLevel: 4\.3-IV0/,
    )
    const versions = await asked('kafka-broker-api-versions')
    for (const api of [
      'DescribeLogDirs(35): 1 to 5',
      'ElectLeaders(43): 0 to 2',
      'DescribeQuorum(55): 0 to 2',
    ]) {
      expect(versions).toContain(api)
    }
  })

  maybe('kafka-delete-records moves the beginning of a partition', async () => {
    const input = 'a\nb\nc\n'
    await asked('kafka-topics', '--create', '--topic', 'shortened', '--partitions', '1')
    await run(
      tool('kafka-console-producer', '--bootstrap-server', server.bootstrap, '--topic', 'shortened'),
      input,
    )
    const partitions = [{ topic: 'shortened', partition: 0, offset: 2 }]
    const offsets = file('offsets.json', JSON.stringify({ partitions, version: 1 }))
    expect(await asked('kafka-delete-records', '--offset-json-file', offsets)).toContain(
      'partition: shortened-0\tlow_watermark: 2',
    )
    expect(await asked('kafka-get-offsets', '--topic', 'shortened', '--time', 'earliest')).toContain(
      'shortened:0:2',
    )
  })

  maybe('kafka-topics describes by every condition', async () => {
    expect(await asked('kafka-topics', '--describe', '--at-min-isr-partitions', '--topic', 'orders')).toMatch(
      /Topic: orders\tPartition: 1\tLeader: 1\tReplicas: 1\tIsr: 1/,
    )
    for (const condition of [
      '--under-replicated-partitions',
      '--unavailable-partitions',
      '--under-min-isr-partitions',
    ]) {
      expect(await asked('kafka-topics', '--describe', condition), condition).not.toContain('Partition:')
    }
    expect(await asked('kafka-topics', '--list', '--exclude-internal')).toContain('orders')
  })
})

describe('kafka-configs', () => {
  const configs = (...args: string[]): Promise<string> => asked('kafka-configs', ...args)
  const entity = (type: string, name: string): string[] => ['--entity-type', type, '--entity-name', name]

  maybe('sets and forgets topic settings, lists among them', async () => {
    const topic = entity('topics', 'orders')
    await configs('--alter', ...topic, '--add-config', 'cleanup.policy=[compact,delete],retention.ms=60000')
    const described = await configs('--describe', ...topic)
    expect(described).toContain('retention.ms=60000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG')
    expect(described).toContain('cleanup.policy=compact,delete')
    await configs('--alter', ...topic, '--delete-config', 'cleanup.policy,retention.ms')
    expect(await configs('--describe', ...topic)).not.toContain('retention.ms')
    await expect(configs('--alter', ...topic, '--add-config', 'retention.ms=often')).rejects.toThrow(
      /InvalidConfigurationException/,
    )
  })

  maybe('sets defaults of all brokers and values of one', async () => {
    await configs(
      '--alter',
      '--entity-type',
      'brokers',
      '--entity-default',
      '--add-config',
      'log.retention.ms=7000',
    )
    await configs('--alter', ...entity('brokers', '1'), '--add-config', 'log.retention.ms=8000')
    expect(await configs('--describe', ...entity('brokers', '1'))).toMatch(
      /log\.retention\.ms=8000 .*\{DYNAMIC_BROKER_CONFIG:log\.retention\.ms=8000, DYNAMIC_DEFAULT_BROKER_CONFIG:log\.retention\.ms=7000, DEFAULT_CONFIG:log\.retention\.hours=168\}/,
    )
    await expect(configs('--alter', ...entity('brokers', '1'), '--add-config', 'node.id=7')).rejects.toThrow(
      /Cannot update these configs dynamically/,
    )
    await configs('--alter', ...entity('brokers', '1'), '--delete-config', 'log.retention.ms')
    await configs(
      '--alter',
      '--entity-type',
      'brokers',
      '--entity-default',
      '--delete-config',
      'log.retention.ms',
    )
  })

  maybe('sets what one group obeys', async () => {
    const group = entity('groups', 'workers')
    await configs('--alter', ...group, '--add-config', 'share.isolation.level=read_committed')
    expect(await configs('--describe', ...group)).toContain(
      'share.isolation.level=read_committed sensitive=false synonyms={DYNAMIC_GROUP_CONFIG',
    )
    expect(await configs('--describe', '--entity-type', 'groups')).toContain(
      'Dynamic configs for group workers',
    )
    await expect(
      configs('--alter', ...group, '--add-config', 'consumer.session.timeout.ms=1'),
    ).rejects.toThrow(/must be greater than or equal to group\.consumer\.min\.session\.timeout\.ms/)
  })

  maybe('keeps client metrics, as kafka-client-metrics does', async () => {
    const wanted = ['--metrics', 'org.apache.kafka.producer.', '--interval', '5000', '--match', 'client_id=a']
    await asked('kafka-client-metrics', '--alter', '--name', 'producers', ...wanted)
    expect(await asked('kafka-client-metrics', '--list')).toContain('producers')
    expect(await configs('--describe', ...entity('client-metrics', 'producers'))).toContain(
      'interval.ms=5000',
    )
    await asked('kafka-client-metrics', '--delete', '--name', 'producers')
    expect(await asked('kafka-client-metrics', '--list')).not.toContain('producers')
  })

  maybe('sets the level of the broker’s logger', async () => {
    const loggers = entity('broker-loggers', '1')
    await configs('--alter', ...loggers, '--add-config', 'root=ERROR')
    expect(await configs('--describe', ...loggers)).toContain('root=ERROR')
    await configs('--alter', ...loggers, '--add-config', 'root=INFO')
  })
})

describe.each(spellings)('options as spelled %s 4.2', (spelling) => {
  maybe('kafka-leader-election and kafka-cluster take a file of client settings', async () => {
    const settings = ['--command-config', file(`client-${spelling}.properties`, 'client.id=admin\n')]
    const election = spelled(spelling, 'kafka-leader-election', ...settings)
    await asked(
      'kafka-leader-election',
      '--election-type',
      'preferred',
      '--all-topic-partitions',
      ...election,
    )
    const cluster = spelled(spelling, 'kafka-cluster', ...settings)
    expect(await commanded('kafka-cluster', 'cluster-id', ...cluster)).toContain('Cluster ID')
  })
})
