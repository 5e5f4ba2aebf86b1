// A word count by Kafka Streams: a repartition topic, a state store with its changelog, every update of a count
// written to the output, exactly once. Run as a single source file:
// StreamsApp BOOTSTRAP APPLICATION_ID INPUT OUTPUT STATE_DIR [key=value …], more settings of Streams.
// Prints `state S` at each change of state and `held N` when the number of active tasks changes; ends when
// stdin closes.

import java.util.Arrays;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;

public class StreamsApp {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[0]);
        properties.put("application.id", args[1]);
        properties.put("state.dir", args[4]);
        properties.put("processing.guarantee", StreamsConfig.EXACTLY_ONCE_V2);
        properties.put("default.key.serde", Serdes.StringSerde.class.getName());
        properties.put("default.value.serde", Serdes.StringSerde.class.getName());
        properties.put("statestore.cache.max.bytes", "0");
        properties.put("commit.interval.ms", "50");
        for (String setting : Arrays.asList(args).subList(5, args.length)) {
            String[] pair = setting.split("=", 2);
            properties.put(pair[0], pair[1]);
        }

        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream(args[2])
            .flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((key, word) -> word, Grouped.as("words"))
            .count(Materialized.as("counts"))
            .toStream()
            .mapValues(count -> Long.toString(count))
            .to(args[3]);

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
        try (KafkaStreams streams = new KafkaStreams(builder.build(), properties)) {
            streams.setStateListener((now, before) -> {
                System.out.println("state " + now);
                if (now == KafkaStreams.State.ERROR) ended.set(true);
            });
            streams.setUncaughtExceptionHandler(failure -> {
                failure.printStackTrace();
                return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            long told = -1;
            while (!ended.get()) {
                long held = streams.metadataForLocalThreads().stream().mapToLong(thread -> thread.activeTasks().size()).sum();
                if (held != told) System.out.println("held " + (told = held));
                Thread.sleep(50);
            }
        }
        System.out.println("closed");
    }
}
