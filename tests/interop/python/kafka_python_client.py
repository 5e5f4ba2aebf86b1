"""The interop verbs of README.md, by kafka-python."""
import sys
import threading
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.structs import OffsetAndMetadata

verb, bootstrap, topic, *rest = sys.argv[1:]


def produce(count, codec):
    producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec, linger_ms=5)
    sent = [producer.send(topic, key=f"key-{i}".encode(), value=f"value-{i}".encode()) for i in range(int(count))]
    producer.flush(30)
    for future in sent:
        future.get(30)
    producer.close()
    print("produced", count)


def consumer(group, **more):
    return KafkaConsumer(bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False, **more)


def consume(group, count):
    client = consumer(group)
    client.subscribe([topic])
    seen = 0
    while seen < int(count):
        for records in client.poll(500).values():
            for record in records:
                print(record.value.decode())
                seen += 1
    client.commit()
    client.close()


def member(group):
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()

    class Listener(ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked):
            pass

        def on_partitions_assigned(self, assigned):
            print("assigned " + ",".join(str(p.partition) for p in sorted(assigned)), flush=True)

    client = consumer(group)
    client.subscribe([topic], listener=Listener())
    while not ended.is_set():
        client.poll(200)
    client.close()


def transact(group, transactional_id):
    producer = KafkaProducer(bootstrap_servers=bootstrap, transactional_id=transactional_id)
    producer.init_transactions()
    producer.begin_transaction()
    for i in range(10):
        producer.send(topic, value=f"aborted-{i}".encode())
    producer.flush(30)
    producer.abort_transaction()
    producer.begin_transaction()
    for i in range(10):
        producer.send(topic, value=f"committed-{i}".encode())
    producer.send_offsets_to_transaction({TopicPartition(topic, 0): OffsetAndMetadata(5, "", -1)}, group)
    producer.commit_transaction()
    producer.close()
    print("transacted")


def read():
    client = consumer(None, isolation_level="read_committed")
    partitions = [TopicPartition(topic, p) for p in client.partitions_for_topic(topic)]
    client.assign(partitions)
    client.seek_to_beginning()
    ends = client.end_offsets(partitions)
    while any(client.position(p) < ends[p] for p in partitions):
        for records in client.poll(500).values():
            for record in records:
                print(record.value.decode())
    client.close()


{"produce": produce, "consume": consume, "member": member, "transact": transact, "read": read}[verb](*rest)
