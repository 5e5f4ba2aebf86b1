// Topics for the suite, made by kafkajs's admin client so that no verb depends on auto-creation.

import kafkajs from 'kafkajs'

const { Kafka, logLevel } = kafkajs

export async function createTopic(bootstrap: string, topic: string, numPartitions: number): Promise<void> {
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR }).admin()
  await admin.connect()
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1 }] })
  } finally {
    await admin.disconnect()
  }
}

/** What a group has committed, by partition. */
export async function committedOffsets(
  bootstrap: string,
  groupId: string,
  topic: string,
): Promise<Map<number, bigint>> {
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR }).admin()
  await admin.connect()
  try {
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
    return new Map((offsets?.partitions ?? []).map(({ partition, offset }) => [partition, BigInt(offset)]))
  } finally {
    await admin.disconnect()
  }
}
