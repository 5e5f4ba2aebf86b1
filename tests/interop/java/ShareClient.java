// A share consumer driven line by line, so that a test says what becomes of each record.
//
//   java ShareClient.java BOOTSTRAP TOPIC GROUP MODE [key=value…]      MODE: implicit or explicit
//
// Commands on standard input, one answer line each:
//   poll COUNT            polls until COUNT records came (or 15 s): `polled VALUE:DELIVERY …`
//   accept|release|reject|renew VALUE…                            `acknowledged`
//   commit                commitSync: `committed`, or the error of a partition
//   close                 ends

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

public class ShareClient {
    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[2]);
        settings.put("share.acknowledgement.mode", args[3]);
        settings.put("key.deserializer", StringDeserializer.class.getName());
        settings.put("value.deserializer", StringDeserializer.class.getName());
        for (int i = 4; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        Map<String, ConsumerRecord<String, String>> held = new HashMap<>();
        try (KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(settings)) {
            consumer.subscribe(List.of(args[1]));
            BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
            for (String line = commands.readLine(); line != null; line = commands.readLine()) {
                String[] words = line.trim().split(" +");
                if (words[0].equals("close")) break;
                try {
                    System.out.println(carryOut(consumer, words, held));
                } catch (Exception e) {
                    System.out.println("failed " + e);
                }
                System.out.flush();
            }
        }
        System.out.println("closed");
    }

    private static String carryOut(
            KafkaShareConsumer<String, String> consumer,
            String[] words,
            Map<String, ConsumerRecord<String, String>> held) {
        switch (words[0]) {
            case "poll": {
                int count = Integer.parseInt(words[1]);
                long until = System.currentTimeMillis() + 15_000;
                List<String> polled = new ArrayList<>();
                while (polled.size() < count && System.currentTimeMillis() < until) {
                    for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500))) {
                        held.put(record.value(), record);
                        polled.add(record.value() + ":" + record.deliveryCount().orElse((short) 0));
                    }
                    if (count == 0) break;
                }
                return ("polled " + String.join(" ", polled)).trim();
            }
            case "accept":
            case "release":
            case "reject":
            case "renew": {
                AcknowledgeType type = AcknowledgeType.valueOf(words[0].toUpperCase());
                for (int i = 1; i < words.length; i++) consumer.acknowledge(held.get(words[i]), type);
                return "acknowledged";
            }
            case "commit": {
                StringBuilder answer = new StringBuilder("committed");
                consumer.commitSync().forEach((partition, error) ->
                        error.ifPresent(e -> answer.append(" ").append(e.getClass().getSimpleName())));
                return answer.toString();
            }
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }
}
