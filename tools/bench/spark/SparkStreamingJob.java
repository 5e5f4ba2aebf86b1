// The jobs of jobs.ts by Spark Streaming in local[2] mode, over a topic by Kafka's direct stream:
//
//   SparkStreamingJob JOB BOOTSTRAP TOPIC ROWS_PER_PARTITION OUTPUT CHECKPOINT
//
// A line of standard input is how many batches to run, one after the other; standard output says when they are complete:
// {"records": theirs, "ms": how long they took}. The clock is Spark's manual one, which its own tests use: a batch begins
// when the last one is done instead of when its second has passed. Ends with standard input.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.Optional;
import org.apache.spark.api.java.function.Function3;
import org.apache.spark.streaming.Duration;
import org.apache.spark.streaming.State;
import org.apache.spark.streaming.StateSpec;
import org.apache.spark.streaming.api.java.JavaDStream;
import org.apache.spark.streaming.api.java.JavaInputDStream;
import org.apache.spark.streaming.api.java.JavaPairDStream;
import org.apache.spark.streaming.api.java.JavaStreamingContext;
import org.apache.spark.streaming.kafka010.ConsumerStrategies;
import org.apache.spark.streaming.kafka010.KafkaUtils;
import org.apache.spark.streaming.kafka010.LocationStrategies;
import org.apache.spark.streaming.scheduler.BatchInfo;
import org.apache.spark.streaming.scheduler.StreamingListener;
import org.apache.spark.streaming.scheduler.StreamingListenerBatchCompleted;
import org.apache.spark.util.ManualClock;
import scala.Tuple2;

public class SparkStreamingJob {
    static final int TOP = 10;
    static final Duration BATCH = new Duration(1000);
    static final Duration WINDOW = new Duration(30_000);
    /** A batch that is not done by then never will be: who measures has gone, and the broker with it. */
    static final long PATIENCE_SECONDS = 120;

    public static void main(String[] args) throws Exception {
        String job = args[0], bootstrap = args[1], topic = args[2], rowsPerPartition = args[3], output = args[4];
        SparkConf conf = new SparkConf().setMaster("local[2]").setAppName(job)
            .set("spark.ui.enabled", "false")
            .set("spark.driver.bindAddress", "127.0.0.1")
            .set("spark.driver.host", "127.0.0.1")
            .set("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
            .set("spark.streaming.clock", "org.apache.spark.util.ManualClock")
            // A second and partition, and so a batch and partition.
            .set("spark.streaming.kafka.maxRatePerPartition", rowsPerPartition);
        JavaStreamingContext ssc = new JavaStreamingContext(conf, BATCH);
        ssc.checkpoint(args[5]);
        Map<String, Object> consumer = new HashMap<>();
        consumer.put("bootstrap.servers", bootstrap);
        consumer.put("key.deserializer", StringDeserializer.class);
        consumer.put("value.deserializer", StringDeserializer.class);
        consumer.put("group.id", "spark-" + job);
        consumer.put("auto.offset.reset", "earliest");
        consumer.put("enable.auto.commit", false);
        JavaInputDStream<ConsumerRecord<String, String>> stream = KafkaUtils.createDirectStream(ssc,
            LocationStrategies.PreferConsistent(), ConsumerStrategies.Subscribe(List.of(topic), consumer));
        build(job, stream, new Output(bootstrap, output));
        BlockingQueue<Long> completed = new LinkedBlockingQueue<>();
        ssc.ssc().addStreamingListener(new Completed(completed));
        ssc.start();
        try {
            run((ManualClock) ssc.ssc().scheduler().clock(), completed);
            ssc.stop(true, false);
            System.exit(0);
        } catch (Exception e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    static void build(String job, JavaInputDStream<ConsumerRecord<String, String>> stream, Output output) {
        switch (job) {
            case "grep" -> output.write(stream.map(ConsumerRecord::value).filter(line -> line.contains("needle")));
            case "wordCount" -> output.write(words(stream).reduceByKey(Long::sum).map(SparkStreamingJob::told));
            case "topWords" -> words(stream)
                .reduceByKeyAndWindow(Long::sum, (a, b) -> a - b, WINDOW, BATCH, 2, pair -> pair._2 > 0)
                .foreachRDD(rdd -> {
                    List<String> top = new ArrayList<>();
                    for (Tuple2<String, Long> pair : rdd.takeOrdered(TOP, new MostFirst())) top.add(told(pair));
                    output.send(top.iterator());
                });
            case "updateStateByKey" -> output.write(checksum(keys(stream)
                .<Long>updateStateByKey((List<Long> ones, Optional<Long> before) -> Optional.of(before.orElse(0L) + ones.size()))
                .map(pair -> (Long.parseLong(pair._1) + 1) * pair._2)));
            case "mapWithState" -> {
                Function3<String, Optional<Long>, State<Long>, Long> update = (key, one, state) -> {
                    long total = (state.exists() ? state.get() : 0) + one.orElse(0L);
                    state.update(total);
                    return (Long.parseLong(key) + 1) * total;
                };
                output.write(checksum(keys(stream).mapWithState(StateSpec.function(update))));
            }
            default -> throw new IllegalArgumentException(job);
        }
    }

    static JavaPairDStream<String, Long> words(JavaInputDStream<ConsumerRecord<String, String>> stream) {
        return stream.flatMap(record -> Arrays.asList(record.value().split(" ", -1)).iterator())
            .mapToPair(word -> new Tuple2<>(word, 1L));
    }

    static JavaPairDStream<String, Long> keys(JavaInputDStream<ConsumerRecord<String, String>> stream) {
        return stream.mapToPair(record -> new Tuple2<>(record.key(), 1L));
    }

    static JavaDStream<String> checksum(JavaDStream<Long> rows) {
        return rows.reduce(Long::sum).map(String::valueOf);
    }

    static String told(Tuple2<String, Long> pair) {
        return pair._1 + " " + pair._2;
    }

    static class MostFirst implements Comparator<Tuple2<String, Long>>, Serializable {
        @Override
        public int compare(Tuple2<String, Long> a, Tuple2<String, Long> b) {
            int byCount = Long.compare(b._2, a._2);
            return byCount != 0 ? byCount : a._1.compareTo(b._1);
        }
    }

    /** A plain produce, and so at least once: a task that is run again sends again. One producer for the JVM. */
    record Output(String bootstrap, String topic) implements Serializable {
        private static KafkaProducer<String, String> producer;

        void write(JavaDStream<String> values) {
            values.foreachRDD(rdd -> rdd.foreachPartition(this::send));
        }

        void send(Iterator<String> values) throws Exception {
            KafkaProducer<String, String> producer = producer(bootstrap);
            List<Future<?>> sent = new ArrayList<>();
            while (values.hasNext()) sent.add(producer.send(new ProducerRecord<>(topic, values.next())));
            producer.flush();
            for (Future<?> each : sent) each.get();
        }

        private static synchronized KafkaProducer<String, String> producer(String bootstrap) {
            if (producer == null) {
                Map<String, Object> config = new HashMap<>();
                config.put("bootstrap.servers", bootstrap);
                config.put("linger.ms", 5);
                producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
            }
            return producer;
        }
    }

    static void run(ManualClock clock, BlockingQueue<Long> completed) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            long records = 0, from = System.nanoTime();
            for (int batches = Integer.parseInt(line); batches > 0; batches--) {
                clock.advance(BATCH.milliseconds());
                Long done = completed.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
                if (done == null) throw new IllegalStateException("no batch in " + PATIENCE_SECONDS + " seconds");
                records += done;
            }
            System.out.printf("{\"records\":%d,\"ms\":%.3f}%n", records, (System.nanoTime() - from) / 1e6);
            System.out.flush();
        }
    }

    static class Completed implements StreamingListener {
        private final BlockingQueue<Long> records;

        Completed(BlockingQueue<Long> records) {
            this.records = records;
        }

        @Override
        public void onBatchCompleted(StreamingListenerBatchCompleted event) {
            BatchInfo batch = event.batchInfo();
            // A batch whose output failed is completed too: it must not count as work that was done.
            batch.outputOperationInfos().values().foreach(output -> {
                if (output.failureReason().isDefined()) {
                    System.err.println(output.failureReason().get());
                    Runtime.getRuntime().halt(1);
                }
                return null;
            });
            records.add(batch.numRecords());
        }
    }
}
