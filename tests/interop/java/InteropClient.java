// The interop verbs of README.md, by Kafka's own Java clients. Run as a single source file.

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class InteropClient {
    static String bootstrap;
    static String topic;

    public static void main(String[] args) throws Exception {
        bootstrap = args[1];
        topic = args[2];
        switch (args[0]) {
            case "produce" -> produce(Integer.parseInt(args[3]), args[4]);
            case "consume" -> consume(args[3], Integer.parseInt(args[4]));
            case "member" -> member(args[3]);
            case "transact" -> transact(args[3], args[4]);
            case "read" -> read();
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    static KafkaProducer<String, String> producer(Map<String, String> more) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.putAll(more);
        return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Map<String, String> more) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        properties.putAll(more);
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }

    static void produce(int count, String codec) throws Exception {
        try (var producer = producer(Map.of("compression.type", codec, "linger.ms", "5"))) {
            var sent = new java.util.ArrayList<java.util.concurrent.Future<?>>();
            for (int i = 0; i < count; i++) sent.add(producer.send(new ProducerRecord<>(topic, "key-" + i, "value-" + i)));
            for (var future : sent) future.get();
        }
        System.out.println("produced " + count);
    }

    static void consume(String group, int count) {
        try (var consumer = consumer(Map.of("group.id", group))) {
            consumer.subscribe(List.of(topic));
            for (int seen = 0; seen < count; ) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500))) {
                    System.out.println(record.value());
                    seen++;
                }
            }
            consumer.commitSync();
        }
    }

    static void member(String group) throws Exception {
        AtomicBoolean ended = new AtomicBoolean();
        Thread stdin = new Thread(() -> {
            try {
                System.in.readAllBytes();
            } catch (java.io.IOException gone) {
                // The other side went away: that is the end too.
            }
            ended.set(true);
        });
        stdin.setDaemon(true);
        stdin.start();
        try (var consumer = consumer(Map.of("group.id", group))) {
            consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                public void onPartitionsRevoked(Collection<TopicPartition> revoked) {}

                public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
                    System.out.println("assigned " + assigned.stream().map(TopicPartition::partition).sorted()
                        .map(String::valueOf).collect(Collectors.joining(",")));
                }
            });
            while (!ended.get()) consumer.poll(Duration.ofMillis(200));
        }
    }

    static void transact(String group, String transactionalId) {
        try (var producer = producer(Map.of("transactional.id", transactionalId)); var reader = consumer(Map.of("group.id", group))) {
            producer.initTransactions();
            producer.beginTransaction();
            for (int i = 0; i < 10; i++) producer.send(new ProducerRecord<>(topic, "aborted-" + i));
            producer.flush();
            producer.abortTransaction();
            producer.beginTransaction();
            for (int i = 0; i < 10; i++) producer.send(new ProducerRecord<>(topic, "committed-" + i));
            producer.sendOffsetsToTransaction(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(5)), reader.groupMetadata());
            producer.commitTransaction();
        }
        System.out.println("transacted");
    }

    static void read() {
        try (var consumer = consumer(Map.of("isolation.level", "read_committed"))) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) System.out.println(record.value());
            }
        }
    }
}
