// Fills a compacted topic, and the coordinators' own topics, with what the cleaner has to deal with: overwritten
// keys of every codec, tombstones, committed and aborted transactions, offsets in and outside of them.

import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class CompactionLoad {
    static final int KEYS = 200;
    static String bootstrap;
    static String topic;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        topic = args[1];
        int rounds = Integer.parseInt(args[2]);
        try (var plain = producer(Map.of()); var transactional = producer(Map.of("transactional.id", "compaction"));
                var consumer = consumer()) {
            transactional.initTransactions();
            for (int round = 0; round < rounds; round++) {
                round(plain, round);
                String codec = List.of("none", "gzip", "snappy", "lz4", "zstd").get(round % 5);
                try (var compressed = producer(Map.of("compression.type", codec))) {
                    send(compressed, "c", codec + " " + round);
                }
                transaction(transactional, consumer, round);
                for (int i = 0; i < 8; i++) {
                    var offset = new OffsetAndMetadata(8 * round + i, "m".repeat(3000));
                    consumer.commitSync(Map.of(new TopicPartition(topic, 0), offset));
                }
            }
            for (int key = 0; key < 20; key++) plain.send(new ProducerRecord<>(topic, "p" + key, null)).get();
            // The last segment is never cleaned: what counts lies before this.
            for (int i = 0; i < 4000; i++) plain.send(new ProducerRecord<>(topic, "filler-" + i, "x".repeat(1000)));
            plain.flush();
        }
        System.out.println("loaded");
    }

    static void round(KafkaProducer<String, String> producer, int round) {
        send(producer, "p", "plain " + round);
    }

    static void send(KafkaProducer<String, String> producer, String prefix, String value) {
        for (int key = 0; key < KEYS; key++) {
            producer.send(new ProducerRecord<>(topic, prefix + key, value + " " + "x".repeat(120 + key)));
        }
        producer.flush();
    }

    static void transaction(KafkaProducer<String, String> producer, KafkaConsumer<String, String> consumer, int round) {
        producer.beginTransaction();
        send(producer, "t", "transactional " + round);
        if (round % 3 == 2) {
            producer.abortTransaction();
            return;
        }
        var offset = new OffsetAndMetadata(round, "t".repeat(3000));
        producer.sendOffsetsToTransaction(Map.of(new TopicPartition(topic, 1), offset), consumer.groupMetadata());
        producer.commitTransaction();
    }

    static KafkaProducer<String, String> producer(Map<String, String> more) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.putAll(more);
        return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("group.id", "compaction-group");
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }
}
