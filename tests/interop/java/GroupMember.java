// A member of a group as Kafka 4.3's own consumer is one: GroupMember BOOTSTRAP GROUP PROTOCOL TOPIC [INSTANCE].
// TOPIC may be /a pattern/, which the server resolves (consumer protocol only). Every change of what it has is one
// line `has TOPIC-PARTITION …`; it commits what it reads and ends with its standard input.

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

public class GroupMember {
    public static void main(String[] args) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[1]);
        settings.put("group.protocol", args[2]);
        settings.put("auto.offset.reset", "earliest");
        if (args.length > 4) settings.put("group.instance.id", args[4]);
        if (args[2].equals("classic")) {
            settings.put("heartbeat.interval.ms", "300");
            settings.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
        }
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
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            var listener = new ConsumerRebalanceListener() {
                public void onPartitionsRevoked(Collection<TopicPartition> revoked) {}

                public void onPartitionsAssigned(Collection<TopicPartition> assigned) {}
            };
            String topic = args[3];
            if (topic.startsWith("/")) {
                consumer.subscribe(new SubscriptionPattern(topic.substring(1, topic.length() - 1)), listener);
            } else {
                consumer.subscribe(List.of(topic), listener);
            }
            String told = "";
            while (!ended.get()) {
                if (!consumer.poll(Duration.ofMillis(100)).isEmpty()) consumer.commitSync();
                String has = consumer.assignment().stream().map(TopicPartition::toString).sorted()
                    .collect(Collectors.joining(" "));
                if (!has.equals(told)) System.out.println("has " + has);
                told = has;
            }
        }
        System.out.println("closed");
    }
}
