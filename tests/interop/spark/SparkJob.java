// Spark Structured Streaming against a broker, by its Kafka connector. Run as a single source file:
//
//   stream BOOTSTRAP FROM TO CHECKPOINT   counts words of FROM's values as far as there are any now, writes each
//                                         word's new count to TO (key word, value count); prints `read N` lines
//   since BOOTSTRAP TOPIC TIMESTAMP       prints the values written from that time on, as a batch

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.StreamingQueryProgress;
import org.apache.spark.sql.streaming.Trigger;

public class SparkJob {
    public static void main(String[] args) throws Exception {
        SparkSession spark = SparkSession.builder().master("local[1]").appName("interop")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
        switch (args[0]) {
            case "stream" -> stream(spark, args[1], args[2], args[3], args[4]);
            case "since" -> since(spark, args[1], args[2], args[3]);
            default -> throw new IllegalArgumentException(args[0]);
        }
        spark.stop();
    }

    static void stream(SparkSession spark, String bootstrap, String from, String to, String checkpoint) throws Exception {
        Dataset<Row> words = spark.readStream().format("kafka")
            .option("kafka.bootstrap.servers", bootstrap)
            .option("subscribe", from)
            .option("startingOffsets", "earliest")
            .option("maxOffsetsPerTrigger", 40)
            .option("kafka.isolation.level", "read_committed")
            .load()
            .selectExpr("explode(split(CAST(value AS STRING), ' ')) AS word")
            .groupBy("word").count()
            .selectExpr("word AS key", "CAST(count AS STRING) AS value");
        StreamingQuery query = words.writeStream().format("kafka")
            .option("kafka.bootstrap.servers", bootstrap)
            .option("topic", to)
            .option("checkpointLocation", checkpoint)
            .outputMode("update")
            .trigger(Trigger.AvailableNow())
            .start();
        query.awaitTermination();
        long read = 0;
        for (StreamingQueryProgress progress : query.recentProgress()) read += progress.numInputRows();
        System.out.println("read " + read);
    }

    static void since(SparkSession spark, String bootstrap, String topic, String timestamp) {
        String starts = "{\"" + topic + "\": {\"0\": " + timestamp + ", \"1\": " + timestamp + "}}";
        List<String> values = new ArrayList<>(spark.read().format("kafka")
            .option("kafka.bootstrap.servers", bootstrap)
            .option("subscribe", topic)
            .option("startingOffsetsByTimestamp", starts)
            .option("startingOffsetsByTimestampStrategy", "latest")
            .load()
            .selectExpr("CAST(value AS STRING)").as(Encoders.STRING()).collectAsList());
        values.forEach(System.out::println);
    }
}
