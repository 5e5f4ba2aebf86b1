"""The interop verbs of README.md, by aiokafka."""
import asyncio
import sys
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition

verb, bootstrap, topic, *rest = sys.argv[1:]


async def produce(count, codec):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, linger_ms=5, compression_type=None if codec == "none" else codec) as producer:
        sent = [await producer.send(topic, key=f"key-{i}".encode(), value=f"value-{i}".encode()) for i in range(int(count))]
        await asyncio.gather(*sent)
    print("produced", count)


def consumer(group, **more):
    return AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False, **more)


async def consume(group, count):
    client = consumer(group)
    client.subscribe([topic])
    async with client:
        for _ in range(int(count)):
            record = await client.getone()
            print(record.value.decode())
        await client.commit()


async def member(group):
    class Listener(ConsumerRebalanceListener):
        async def on_partitions_revoked(self, revoked):
            pass

        async def on_partitions_assigned(self, assigned):
            print("assigned " + ",".join(str(p.partition) for p in sorted(assigned)), flush=True)

    client = consumer(group, heartbeat_interval_ms=500)
    client.subscribe([topic], listener=Listener())
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    async with client:
        while not ended.done():
            await client.getmany(timeout_ms=200)


async def transact(group, transactional_id):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=transactional_id) as producer:
        await producer.begin_transaction()
        for i in range(10):
            await producer.send_and_wait(topic, value=f"aborted-{i}".encode())
        await producer.abort_transaction()
        async with producer.transaction():
            for i in range(10):
                await producer.send_and_wait(topic, value=f"committed-{i}".encode())
            await producer.send_offsets_to_transaction({TopicPartition(topic, 0): 5}, group)
    print("transacted")


async def read():
    async with consumer(None, isolation_level="read_committed") as client:
        # The partitions of a topic are known once something has asked for the topic.
        client.subscribe([topic])
        while not client.partitions_for_topic(topic):
            await client.getmany(timeout_ms=50)
        client.unsubscribe()
        partitions = [TopicPartition(topic, p) for p in client.partitions_for_topic(topic)]
        client.assign(partitions)
        await client.seek_to_beginning()
        ends = await client.end_offsets(partitions)
        while any([await client.position(p) < ends[p] for p in partitions]):
            for records in (await client.getmany(timeout_ms=500)).values():
                for record in records:
                    print(record.value.decode())


asyncio.run({"produce": produce, "consume": consume, "member": member, "transact": transact, "read": read}[verb](*rest))
