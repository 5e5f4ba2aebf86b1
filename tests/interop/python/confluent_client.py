"""The interop verbs of README.md, by confluent-kafka (librdkafka)."""
import os
import sys
import threading
from confluent_kafka import Consumer, Producer, TopicPartition, KafkaException

verb, bootstrap, topic, *rest = sys.argv[1:]


def failed(error, _message):
    if error is not None:
        raise KafkaException(error)


def produce(count, codec):
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.type": codec, "linger.ms": 5})
    for i in range(int(count)):
        producer.produce(topic, key=f"key-{i}", value=f"value-{i}", on_delivery=failed)
        producer.poll(0)
    left = producer.flush(30)
    if left:
        raise SystemExit(f"{left} records not delivered")
    print("produced", count)


def consumer(group, **more):
    protocol = os.environ.get("GROUP_PROTOCOL", "classic")
    return Consumer({"bootstrap.servers": bootstrap, "group.id": group, "group.protocol": protocol, "auto.offset.reset": "earliest", "enable.auto.commit": False, **more})


def consume(group, count):
    client = consumer(group)
    client.subscribe([topic])
    seen = 0
    while seen < int(count):
        for message in client.consume(500, 5):
            if message.error():
                raise KafkaException(message.error())
            print(message.value().decode())
            seen += 1
    client.commit(asynchronous=False)
    client.close()


def member(group):
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    client = consumer(group)

    def assigned(_, partitions):
        print("assigned " + ",".join(str(p.partition) for p in sorted(partitions, key=lambda p: p.partition)), flush=True)

    client.subscribe([topic], on_assign=assigned)
    while not ended.is_set():
        client.poll(0.2)
    client.close()


def transact(group, transactional_id):
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id})
    producer.init_transactions(30)
    producer.begin_transaction()
    for i in range(10):
        producer.produce(topic, value=f"aborted-{i}")
    producer.flush(30)
    producer.abort_transaction(30)
    producer.begin_transaction()
    for i in range(10):
        producer.produce(topic, value=f"committed-{i}")
    reader = consumer(group)
    producer.send_offsets_to_transaction([TopicPartition(topic, 0, 5)], reader.consumer_group_metadata(), 30)
    producer.commit_transaction(30)
    reader.close()
    print("transacted")


def read():
    client = consumer("interop-read", **{"isolation.level": "read_committed"})
    partitions = client.list_topics(topic, 10).topics[topic].partitions
    ends = {p: client.get_watermark_offsets(TopicPartition(topic, p), 10)[1] for p in partitions}
    client.assign([TopicPartition(topic, p, 0) for p in partitions])
    while any(position.offset < ends[position.partition] for position in client.position([TopicPartition(topic, p) for p in ends if ends[p] > 0])):
        message = client.poll(1)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        print(message.value().decode())
    client.close()


{"produce": produce, "consume": consume, "member": member, "transact": transact, "read": read}[verb](*rest)
