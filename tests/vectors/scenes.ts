// What each client is made to do while its frames are captured: the verbs of the interop suite with few
// records, and Kafka's command line tools.

import type { Client } from '../interop/clients.ts'
import { java } from '../interop/clients.ts'
import { createTopic } from '../interop/admin.ts'
import { Running, run } from '../interop/world.ts'

export interface Scene {
  name: string
  play(bootstrap: string): Promise<unknown>
}

const COUNT = '6'
const AGAIN_MS = 100

/** `sent` tells whether the client has been seen to send an API in this round. */
export function clientScenes(client: Client, sent: (api: string) => boolean): Scene[] {
  const id = client.name.toLowerCase().replaceAll(/[^a-z]+/g, '-')
  const topic = `vectors-${id}`
  const group = `group-${id}`
  const say = async (bootstrap: string, verb: Parameters<Client['command']>[0], ...rest: string[]) => {
    const command = client.command(verb, bootstrap, ...(rest as [string]))
    if (command === undefined) return
    await run(command, client.input?.(verb, ...rest.slice(1)))
  }
  const hasTransactions = client.command('transact', '', '') !== undefined
  return [
    { name: 'produce', play: (bootstrap) => say(bootstrap, 'produce', topic, COUNT, 'none') },
    { name: 'consume in a group', play: (bootstrap) => say(bootstrap, 'consume', topic, group, COUNT) },
    {
      name: 'stay in a group',
      play: async (bootstrap) => {
        const member = new Running(client.command('member', bootstrap, topic, `${group}-member`) as string[])
        while (!sent('Heartbeat')) {
          if (member.child.exitCode !== null) throw member.failure('left the group')
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
        }
        member.child.stdin?.end()
        // kcat does not listen to its standard input while it consumes.
        if (client.name === 'kcat') member.child.kill('SIGTERM')
        await member.ended
      },
    },
    ...(hasTransactions
      ? [
          {
            name: 'commit and abort transactions',
            play: (bootstrap: string) =>
              say(bootstrap, 'transact', `${topic}-txn`, `${group}-txn`, `transactional-${id}`),
          },
        ]
      : []),
    { name: 'read committed', play: (bootstrap) => say(bootstrap, 'read', topic) },
  ]
}

/** Topics are made round the proxy, so that what is captured is the client's own. */
export async function prepareClient(client: Client, bootstrap: string): Promise<void> {
  const id = client.name.toLowerCase().replaceAll(/[^a-z]+/g, '-')
  await createTopic(bootstrap, `vectors-${id}`, 1)
  await createTopic(bootstrap, `vectors-${id}-txn`, 1)
}

/** `deleteRecordsFile`: the JSON that kafka-delete-records reads. */
export function toolScenes(deleteRecordsFile: string): Scene[] {
  const tool = (name: string, main: string, ...args: string[]): Scene => ({
    name,
    play: (bootstrap) => run(java(main, '--bootstrap-server', bootstrap, ...args)),
  })
  const topics = (...args: string[]) => tool('kafka-topics', 'org.apache.kafka.tools.TopicCommand', ...args)
  const groups = (...args: string[]) =>
    tool(
      'kafka-consumer-groups',
      'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
      '--group',
      'tools-group',
      ...args,
    )
  const configs = (...args: string[]) =>
    tool(
      'kafka-configs',
      'kafka.admin.ConfigCommand',
      '--entity-type',
      'topics',
      '--entity-name',
      'tools',
      ...args,
    )
  const transactions = (...args: string[]) =>
    tool('kafka-transactions', 'org.apache.kafka.tools.TransactionsCommand', ...args)
  return [
    topics('--create', '--topic', 'tools', '--partitions', '1', '--config', 'retention.ms=3600000'),
    topics('--alter', '--topic', 'tools', '--partitions', '2'),
    topics('--describe', '--topic', 'tools'),
    topics('--list'),
    {
      name: 'kafka-console-producer',
      play: (bootstrap) =>
        run(
          java('org.apache.kafka.tools.ConsoleProducer', '--bootstrap-server', bootstrap, '--topic', 'tools'),
          'a\nb\nc\n',
        ),
    },
    tool(
      'kafka-console-consumer',
      'org.apache.kafka.tools.consumer.ConsoleConsumer',
      '--topic',
      'tools',
      '--group',
      'tools-group',
      '--from-beginning',
      '--max-messages',
      '3',
    ),
    groups('--describe'),
    groups('--describe', '--state'),
    groups('--reset-offsets', '--topic', 'tools', '--to-earliest', '--execute'),
    groups('--delete-offsets', '--topic', 'tools'),
    tool('kafka-consumer-groups', 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', '--list'),
    groups('--delete'),
    configs('--alter', '--add-config', 'max.message.bytes=2000'),
    configs('--describe'),
    tool('kafka-get-offsets', 'org.apache.kafka.tools.GetOffsetShell', '--topic', 'tools', '--time', '-3'),
    tool(
      'kafka-delete-records',
      'org.apache.kafka.tools.DeleteRecordsCommand',
      '--offset-json-file',
      deleteRecordsFile,
    ),
    transactions('list'),
    transactions('describe-producers', '--topic', 'tools', '--partition', '0'),
    tool('kafka-metadata-quorum', 'org.apache.kafka.tools.MetadataQuorumCommand', 'describe', '--status'),
    tool('kafka-broker-api-versions', 'org.apache.kafka.tools.BrokerApiVersionsCommand'),
    topics('--delete', '--topic', 'tools'),
  ]
}
