// A walk through Kafka's Admin client on a fresh broker of one node: every method that makes sense there, one printed
// line a question, without what differs from run to run (ids, ports, times). What Apache Kafka says is kept in
// admin-tour.txt; the suite holds logmill to it.

import java.time.Duration;
import java.util.*;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.serialization.*;

public class AdminTour {
    static final TopicPartition FIRST = new TopicPartition("tour", 0);
    static final long NOW = System.currentTimeMillis() - 100_000;
    static Admin admin;
    static String bootstrap;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        Properties settings = settings();
        settings.put("request.timeout.ms", "10000");
        settings.put("default.api.timeout.ms", "20000");
        try (Admin made = Admin.create(settings)) {
            admin = made;
            cluster();
            topics();
            configs();
            records();
            groups();
            otherGroups();
            transactions();
            directories();
            features();
            leaders();
            quotas();
            endings();
        }
    }

    /** An Admin that gives up soon, for what the client asks again and again until its time is over. */
    static Admin impatient() {
        Properties settings = settings();
        settings.put("request.timeout.ms", "1500");
        settings.put("default.api.timeout.ms", "2000");
        return Admin.create(settings);
    }

    static Properties settings() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        return settings;
    }

    /** Prints the answer, or the name of the error that stands for one. */
    static void ask(String question, Callable<Object> call) throws Exception {
        String answer;
        try {
            answer = String.valueOf(call.call());
        } catch (ExecutionException refused) {
            answer = refused.getCause().getClass().getSimpleName();
        } catch (RuntimeException refused) {
            answer = refused.getClass().getSimpleName();
        }
        System.out.println(question + ": " + answer);
    }

    static <T extends Comparable<T>> List<T> sorted(Collection<T> all) {
        return all.stream().sorted().toList();
    }

    static void cluster() throws Exception {
        ask("describeCluster", () -> {
            var cluster = admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
            var nodes = cluster.nodes().get().stream().map(n -> n.id() + " fenced " + n.isFenced()).toList();
            return nodes + " controller " + cluster.controller().get().id() + " operations " + sorted(cluster.authorizedOperations().get());
        });
        ask("describeMetadataQuorum", () -> {
            var quorum = admin.describeMetadataQuorum().quorumInfo().get();
            return "leader " + quorum.leaderId() + " voters " + quorum.voters().stream().map(QuorumInfo.ReplicaState::replicaId).toList()
                + " observers " + quorum.observers().size() + " has a high watermark " + (quorum.highWatermark() > 0);
        });
        ask("unregisterBroker of none", () -> admin.unregisterBroker(99).all().get());
    }

    static void topics() throws Exception {
        var tour = new NewTopic("tour", 2, (short) 1).configs(Map.of("retention.ms", "86400000"));
        ask("createTopics, validateOnly", () -> admin.createTopics(List.of(tour), new CreateTopicsOptions().validateOnly(true)).numPartitions("tour").get());
        ask("createTopics", () -> {
            var made = admin.createTopics(List.of(tour));
            return made.numPartitions("tour").get() + " partitions, " + made.replicationFactor("tour").get() + " replica, retention.ms "
                + made.config("tour").get().get("retention.ms").value();
        });
        ask("createTopics with defaults", () -> {
            var made = admin.createTopics(List.of(new NewTopic("defaults", Optional.empty(), Optional.empty())));
            return made.numPartitions("defaults").get() + " " + made.replicationFactor("defaults").get();
        });
        ask("createTopics assigned", () -> admin.createTopics(List.of(new NewTopic("assigned", Map.of(0, List.of(1))))).numPartitions("assigned").get());
        ask("createTopics that is there", () -> admin.createTopics(List.of(tour)).all().get());
        ask("createTopics of a bad name", () -> admin.createTopics(List.of(new NewTopic("a/b", 1, (short) 1))).all().get());
        ask("createTopics without partitions", () -> admin.createTopics(List.of(new NewTopic("none", 0, (short) 1))).all().get());
        ask("createTopics of two replicas", () -> admin.createTopics(List.of(new NewTopic("two", 1, (short) 2))).all().get());
        ask("createTopics on a stranger", () -> admin.createTopics(List.of(new NewTopic("far", Map.of(0, List.of(7))))).all().get());
        ask("createTopics with a bad config", () -> admin.createTopics(List.of(new NewTopic("bad", 1, (short) 1).configs(Map.of("retention.ms", "soon")))).all().get());
        ask("createPartitions", () -> admin.createPartitions(Map.of("tour", NewPartitions.increaseTo(3))).all().get());
        ask("createPartitions of fewer", () -> admin.createPartitions(Map.of("tour", NewPartitions.increaseTo(1))).all().get());
        ask("createPartitions of none", () -> admin.createPartitions(Map.of("nowhere", NewPartitions.increaseTo(3))).all().get());
        ask("listTopics", () -> sorted(admin.listTopics().names().get()));
        ask("describeTopics", () -> {
            var options = new DescribeTopicsOptions().includeAuthorizedOperations(true);
            return described(admin.describeTopics(TopicCollection.ofTopicNames(List.of("tour")), options).topicNameValues().get("tour").get());
        });
        ask("describeTopics by id", () -> {
            Uuid id = admin.describeTopics(List.of("tour")).topicNameValues().get("tour").get().topicId();
            return described(admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).topicIdValues().get(id).get());
        });
        ask("describeTopics of none", () -> admin.describeTopics(List.of("nowhere")).allTopicNames().get());
        ask("describeTopics of no id", () -> admin.describeTopics(TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()))).allTopicIds().get());
    }

    static String described(TopicDescription topic) {
        return topic.name() + " internal " + topic.isInternal() + " operations " + (topic.authorizedOperations() == null ? null : sorted(topic.authorizedOperations()))
            + topic.partitions().stream().map(p -> " " + p.partition() + " leader " + p.leader().id() + " replicas " + p.replicas().size()
                + " isr " + p.isr().size() + " elr " + p.elr() + " last " + p.lastKnownElr()).collect(Collectors.joining(","));
    }

    static String config(ConfigResource resource, String... keys) throws Exception {
        Config config = admin.describeConfigs(List.of(resource), new DescribeConfigsOptions().includeSynonyms(true)).all().get().get(resource);
        return Arrays.stream(keys).map(config::get).map(e -> e.name() + "=" + e.value() + " " + e.source() + " " + e.type() + " readOnly " + e.isReadOnly()
            + " " + e.synonyms().stream().map(s -> s.source() + "=" + s.value()).toList()).collect(Collectors.joining("; "));
    }

    static void alter(ConfigResource resource, AlterConfigOp.OpType type, String key, String value) throws Exception {
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry(key, value), type)))).all().get();
    }

    static void configs() throws Exception {
        var topic = new ConfigResource(ConfigResource.Type.TOPIC, "tour");
        var broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
        var nowhere = new ConfigResource(ConfigResource.Type.TOPIC, "nowhere");
        ask("describeConfigs of a topic", () -> config(topic, "retention.ms", "cleanup.policy", "max.message.bytes"));
        ask("describeConfigs of no topic", () -> config(nowhere, "retention.ms"));
        ask("incrementalAlterConfigs sets", () -> { alter(topic, AlterConfigOp.OpType.SET, "max.message.bytes", "5000"); return config(topic, "max.message.bytes"); });
        ask("incrementalAlterConfigs appends", () -> { alter(topic, AlterConfigOp.OpType.APPEND, "cleanup.policy", "compact"); return config(topic, "cleanup.policy"); });
        ask("incrementalAlterConfigs subtracts", () -> { alter(topic, AlterConfigOp.OpType.SUBTRACT, "cleanup.policy", "compact"); return config(topic, "cleanup.policy"); });
        ask("incrementalAlterConfigs deletes", () -> { alter(topic, AlterConfigOp.OpType.DELETE, "max.message.bytes", null); return config(topic, "max.message.bytes"); });
        ask("incrementalAlterConfigs of a bad value", () -> { alter(topic, AlterConfigOp.OpType.SET, "max.message.bytes", "-5"); return ""; });
        ask("incrementalAlterConfigs of a bad key", () -> { alter(topic, AlterConfigOp.OpType.SET, "no.such.key", "5"); return ""; });
        ask("incrementalAlterConfigs of no topic", () -> { alter(nowhere, AlterConfigOp.OpType.SET, "retention.ms", "5"); return ""; });
        ask("incrementalAlterConfigs of a broker", () -> { alter(broker, AlterConfigOp.OpType.SET, "message.max.bytes", "2000000"); return eventually("message.max.bytes=2000000 ", () -> config(broker, "message.max.bytes")); });
        ask("incrementalAlterConfigs of a broker, back", () -> { alter(broker, AlterConfigOp.OpType.DELETE, "message.max.bytes", null); return eventually("message.max.bytes=1048588 DEFAULT", () -> config(broker, "message.max.bytes")); });
        ask("incrementalAlterConfigs of what is read-only", () -> { alter(broker, AlterConfigOp.OpType.SET, "node.id", "7"); return ""; });
        var group = new ConfigResource(ConfigResource.Type.GROUP, "configured-group");
        ask("incrementalAlterConfigs of a group", () -> { alter(group, AlterConfigOp.OpType.SET, "consumer.session.timeout.ms", "50000"); return config(group, "consumer.session.timeout.ms"); });
        ask("listConfigResources", () -> sorted(admin.listConfigResources().all().get().stream().map(r -> r.type() + " " + r.name()).toList()));
    }

    /** A broker takes its own dynamic configuration over a moment after the controller has answered. */
    static String eventually(String word, Callable<String> call) throws Exception {
        String answer = call.call();
        for (int attempt = 0; attempt < 50 && !answer.contains(word); attempt++) {
            Thread.sleep(100);
            answer = call.call();
        }
        return answer;
    }

    static KafkaProducer<String, String> producer(String transactionalId) {
        Properties settings = settings();
        if (transactionalId != null) settings.put("transactional.id", transactionalId);
        return new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
    }

    static void records() throws Exception {
        try (var producer = producer(null)) {
            // The largest time is not the last one.
            for (int i = 0; i < 20; i++) producer.send(new ProducerRecord<>("tour", 0, NOW + (i == 12 ? 5000 : i), "k" + i, "v" + i)).get();
        }
        var specs = new LinkedHashMap<String, OffsetSpec>();
        specs.put("earliest", OffsetSpec.earliest());
        specs.put("latest", OffsetSpec.latest());
        specs.put("maxTimestamp", OffsetSpec.maxTimestamp());
        specs.put("a time", OffsetSpec.forTimestamp(NOW + 7));
        specs.put("a time to come", OffsetSpec.forTimestamp(NOW + 1_000_000));
        specs.put("earliestLocal", OffsetSpec.earliestLocal());
        specs.put("latestTiered", OffsetSpec.latestTiered());
        specs.put("earliestPendingUpload", OffsetSpec.earliestPendingUpload());
        for (var spec : specs.entrySet()) ask("listOffsets " + spec.getKey(), () -> offset(FIRST, spec.getValue(), IsolationLevel.READ_UNCOMMITTED));
        ask("listOffsets of an empty partition", () -> offset(new TopicPartition("tour", 1), OffsetSpec.maxTimestamp(), IsolationLevel.READ_UNCOMMITTED));
        ask("listOffsets of no partition", () -> {
            try (Admin impatient = impatient()) {
                return impatient.listOffsets(Map.of(new TopicPartition("tour", 9), OffsetSpec.latest())).all().get();
            }
        });
        ask("deleteRecords", () -> admin.deleteRecords(Map.of(FIRST, RecordsToDelete.beforeOffset(5))).lowWatermarks().get(FIRST).get().lowWatermark());
        ask("deleteRecords beyond the end", () -> admin.deleteRecords(Map.of(FIRST, RecordsToDelete.beforeOffset(500))).all().get());
        ask("deleteRecords of no partition", () -> {
            try (Admin impatient = impatient()) {
                return impatient.deleteRecords(Map.of(new TopicPartition("nowhere", 0), RecordsToDelete.beforeOffset(5))).all().get();
            }
        });
        ask("listOffsets earliest then", () -> offset(FIRST, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED));
        ask("describeProducers after an idempotent one", () -> producers(FIRST));
    }

    static String offset(TopicPartition partition, OffsetSpec spec, IsolationLevel level) throws Exception {
        var found = admin.listOffsets(Map.of(partition, spec), new ListOffsetsOptions(level)).partitionResult(partition).get();
        return found.offset() + " at " + (found.timestamp() < 0 ? "none" : String.valueOf(found.timestamp() - NOW)) + " epoch known " + found.leaderEpoch().isPresent();
    }

    static String producers(TopicPartition partition) throws Exception {
        return admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers().stream()
            .map(p -> "epoch " + p.producerEpoch() + " sequence " + p.lastSequence() + " open from " + (p.currentTransactionStartOffset().isPresent() ? p.currentTransactionStartOffset().getAsLong() : "none"))
            .toList().toString();
    }

    static KafkaConsumer<String, String> member(String group) {
        Properties settings = settings();
        settings.put("group.id", group);
        settings.put("client.id", "tourist");
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of("tour"));
        while (consumer.assignment().isEmpty()) consumer.poll(Duration.ofMillis(100));
        consumer.commitSync(Map.of(FIRST, new OffsetAndMetadata(9, "here")));
        return consumer;
    }

    static String classic(String group) throws Exception {
        var described = admin.describeClassicGroups(List.of(group)).describedGroups().get(group).get();
        return described.state() + " protocol " + described.protocol() + " " + described.protocolData() + " members "
            + described.members().stream().map(m -> m.clientId() + " " + sorted(m.assignment().topicPartitions().stream().map(String::valueOf).toList())).toList();
    }

    static String consumer(String group) throws Exception {
        var described = admin.describeConsumerGroups(List.of(group), new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true)).describedGroups().get(group).get();
        return described.groupState() + " " + described.type() + " assignor " + described.partitionAssignor() + " coordinator " + described.coordinator().id()
            + " simple " + described.isSimpleConsumerGroup() + " operations " + sorted(described.authorizedOperations())
            + " members " + described.members().stream().map(m -> m.clientId() + " " + sorted(m.assignment().topicPartitions().stream().map(String::valueOf).toList())).toList();
    }

    static String listed(ListGroupsOptions options) throws Exception {
        return sorted(admin.listGroups(options).all().get().stream()
            .map(g -> g.groupId() + " " + g.type().orElse(null) + " " + g.groupState().orElse(null) + " " + g.protocol()).toList()).toString();
    }

    static void groups() throws Exception {
        String group = "tour-group";
        try (var member = member(group)) {
            ask("listGroups", () -> listed(new ListGroupsOptions()));
            ask("listGroups, classic", () -> listed(new ListGroupsOptions().withTypes(Set.of(GroupType.CLASSIC))));
            ask("listGroups, empty", () -> listed(new ListGroupsOptions().inGroupStates(Set.of(GroupState.EMPTY))));
            ask("listConsumerGroups", () -> sorted(admin.listConsumerGroups().all().get().stream().map(g -> g.groupId() + " simple " + g.isSimpleConsumerGroup()).toList()));
            ask("describeConsumerGroups", () -> consumer(group));
            ask("describeClassicGroups", () -> classic(group));
            ask("listConsumerGroupOffsets", () -> committed(group));
            ask("alterConsumerGroupOffsets of a group with members", () -> admin.alterConsumerGroupOffsets(group, Map.of(FIRST, new OffsetAndMetadata(7))).all().get());
            ask("deleteConsumerGroupOffsets that are subscribed to", () -> admin.deleteConsumerGroupOffsets(group, Set.of(FIRST)).partitionResult(FIRST).get());
            ask("deleteConsumerGroups with members", () -> admin.deleteConsumerGroups(List.of(group)).all().get());
            ask("removeMembersFromConsumerGroup", () -> admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions()).all().get());
        }
        ask("describeConsumerGroups, empty", () -> consumer(group));
        ask("alterConsumerGroupOffsets", () -> admin.alterConsumerGroupOffsets(group, Map.of(FIRST, new OffsetAndMetadata(7, Optional.of(0), "moved"))).all().get());
        ask("listConsumerGroupOffsets then", () -> committed(group));
        ask("alterConsumerGroupOffsets of a new group", () -> admin.alterConsumerGroupOffsets("simple-group", Map.of(FIRST, new OffsetAndMetadata(1))).all().get());
        ask("listGroups with a simple one", () -> listed(new ListGroupsOptions()));
        ask("deleteConsumerGroupOffsets", () -> { admin.deleteConsumerGroupOffsets(group, Set.of(FIRST)).all().get(); return committed(group); });
        ask("deleteConsumerGroups", () -> { admin.deleteConsumerGroups(List.of(group, "simple-group")).all().get(); return listed(new ListGroupsOptions()); });
        ask("deleteConsumerGroups of none", () -> admin.deleteConsumerGroups(List.of("nobody")).all().get());
        ask("describeConsumerGroups of none", () -> consumer("nobody"));
        ask("describeClassicGroups of none", () -> classic("nobody"));
        ask("listConsumerGroupOffsets of none", () -> committed("nobody"));
        ask("deleteConsumerGroupOffsets of none", () -> admin.deleteConsumerGroupOffsets("nobody", Set.of(FIRST)).all().get());
    }

    static String committed(String group) throws Exception {
        return admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().entrySet().stream()
            .map(e -> e.getKey() + "=" + e.getValue().offset() + " " + e.getValue().metadata()).sorted().toList().toString();
    }

    static void otherGroups() throws Exception {
        ask("describeShareGroups of none", () -> admin.describeShareGroups(List.of("nobody")).all().get());
        ask("deleteShareGroups of none", () -> admin.deleteShareGroups(List.of("nobody")).all().get());
        ask("describeStreamsGroups of none", () -> admin.describeStreamsGroups(List.of("nobody")).all().get());
        ask("deleteStreamsGroups of none", () -> admin.deleteStreamsGroups(List.of("nobody")).all().get());
    }

    static String transaction(String id) throws Exception {
        var described = admin.describeTransactions(List.of(id)).description(id).get();
        return described.state() + " epoch " + described.producerEpoch() + " timeout " + described.transactionTimeoutMs() + " started " + described.transactionStartTimeMs().isPresent()
            + " " + sorted(described.topicPartitions().stream().map(String::valueOf).toList());
    }

    static String transactionsOf(ListTransactionsOptions options) throws Exception {
        return sorted(admin.listTransactions(options).all().get().stream().map(t -> t.transactionalId() + " " + t.state()).toList()).toString();
    }

    static void transactions() throws Exception {
        var partition = new TopicPartition("tour", 2);
        var producer = producer("tour-transaction");
        producer.initTransactions();
        ask("describeTransactions, new", () -> transaction("tour-transaction"));
        producer.beginTransaction();
        producer.send(new ProducerRecord<>("tour", 2, "k", "v")).get();
        ask("listTransactions", () -> transactionsOf(new ListTransactionsOptions()));
        ask("listTransactions, ongoing", () -> transactionsOf(new ListTransactionsOptions().filterStates(Set.of(TransactionState.ONGOING))));
        ask("listTransactions, old", () -> transactionsOf(new ListTransactionsOptions().filterOnDuration(3_600_000)));
        ask("listTransactions by pattern", () -> transactionsOf(new ListTransactionsOptions().filterOnTransactionalIdPattern("tour-.*")));
        ask("describeTransactions", () -> transaction("tour-transaction"));
        ask("describeTransactions of none", () -> transaction("nobody"));
        ask("describeProducers", () -> producers(partition));
        ask("describeProducers of no partition", () -> {
            try (Admin impatient = impatient()) {
                return impatient.describeProducers(List.of(new TopicPartition("nowhere", 0))).all().get();
            }
        });
        ask("listOffsets latest, read_committed", () -> offset(partition, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED));
        ask("abortTransaction of a stranger", () -> admin.abortTransaction(new AbortTransactionSpec(partition, 999_999L, (short) 0, 0)).all().get());
        ask("abortTransaction", () -> {
            var open = admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers().stream()
                .filter(p -> p.currentTransactionStartOffset().isPresent()).findFirst().orElseThrow();
            admin.abortTransaction(new AbortTransactionSpec(partition, open.producerId(), (short) open.producerEpoch(), open.coordinatorEpoch().orElse(0))).all().get();
            return eventually("3 ", () -> offset(partition, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED));
        });
        ask("fenceProducers", () -> admin.fenceProducers(List.of("tour-transaction")).all().get());
        ask("the fenced one's commit", () -> { producer.commitTransaction(); return ""; });
        producer.close(Duration.ZERO);
        ask("forceTerminateTransaction", () -> admin.forceTerminateTransaction("tour-transaction").result().get());
        ask("describeTransactions then", () -> transaction("tour-transaction").replaceAll("epoch \\d+", "epoch"));
    }

    static void directories() throws Exception {
        ask("describeLogDirs", () -> admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).values().stream()
            .map(d -> "error " + d.error() + " sized " + (d.totalBytes().orElse(0) > 0) + " " + sorted(d.replicaInfos().entrySet().stream()
                .filter(e -> e.getKey().topic().equals("tour")).map(e -> e.getKey() + " lag " + e.getValue().offsetLag() + " future " + e.getValue().isFuture()).toList())).toList());
        var replica = new TopicPartitionReplica("tour", 0, 1);
        ask("describeReplicaLogDirs", () -> {
            var info = admin.describeReplicaLogDirs(List.of(replica)).values().get(replica).get();
            return "there " + (info.getCurrentReplicaLogDir() != null) + " future " + info.getFutureReplicaLogDir();
        });
        ask("alterReplicaLogDirs to nowhere", () -> admin.alterReplicaLogDirs(Map.of(replica, "/nowhere")).all().get());
    }

    static void features() throws Exception {
        var features = admin.describeFeatures().featureMetadata().get();
        for (String name : new TreeSet<>(features.supportedFeatures().keySet())) {
            ask("describeFeatures " + name, () -> "finalized " + features.finalizedFeatures().get(name) + " supported " + features.supportedFeatures().get(name));
        }
        ask("updateFeatures to no level", () -> admin.updateFeatures(Map.of("group.version", new FeatureUpdate((short) 99, FeatureUpdate.UpgradeType.UPGRADE)), new UpdateFeaturesOptions()).all().get());
        ask("updateFeatures, validateOnly", () -> admin.updateFeatures(Map.of("transaction.version", new FeatureUpdate((short) 1, FeatureUpdate.UpgradeType.SAFE_DOWNGRADE)), new UpdateFeaturesOptions().validateOnly(true)).all().get());
    }

    static void leaders() throws Exception {
        ask("electLeaders", () -> admin.electLeaders(ElectionType.PREFERRED, Set.of(FIRST)).partitions().get().get(FIRST).map(e -> e.getClass().getSimpleName()));
        ask("electLeaders, unclean", () -> admin.electLeaders(ElectionType.UNCLEAN, Set.of(FIRST)).partitions().get().get(FIRST).map(e -> e.getClass().getSimpleName()));
        ask("electLeaders of no partition", () -> admin.electLeaders(ElectionType.PREFERRED, Set.of(new TopicPartition("nowhere", 0))).partitions().get().values().iterator().next().map(e -> e.getClass().getSimpleName()));
        ask("listPartitionReassignments", () -> admin.listPartitionReassignments().reassignments().get());
        ask("alterPartitionReassignments to where it is", () -> admin.alterPartitionReassignments(Map.of(FIRST, Optional.of(new NewPartitionReassignment(List.of(1))))).all().get());
        ask("alterPartitionReassignments to a stranger", () -> admin.alterPartitionReassignments(Map.of(FIRST, Optional.of(new NewPartitionReassignment(List.of(7))))).all().get());
        ask("alterPartitionReassignments cancels none", () -> admin.alterPartitionReassignments(Map.of(FIRST, Optional.empty())).all().get());
    }

    static void quotas() throws Exception {
        var entity = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, "tourist"));
        var all = ClientQuotaFilter.contains(List.of(ClientQuotaFilterComponent.ofEntityType(ClientQuotaEntity.CLIENT_ID)));
        Callable<Object> shown = () -> admin.describeClientQuotas(all).entities().get().entrySet().stream().map(e -> e.getKey().entries() + " " + new TreeMap<>(e.getValue())).toList();
        ask("describeClientQuotas of none", shown);
        ask("alterClientQuotas", () -> {
            var operations = List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1_000_000.0), new ClientQuotaAlteration.Op("consumer_byte_rate", 2_000_000.0));
            admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, operations))).all().get();
            return eventually("tourist", () -> shown.call().toString());
        });
        ask("alterClientQuotas of no quota", () -> admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(new ClientQuotaAlteration.Op("no_such_rate", 1.0))))).all().get());
        ask("alterClientQuotas takes away", () -> {
            var operations = List.of(new ClientQuotaAlteration.Op("producer_byte_rate", null), new ClientQuotaAlteration.Op("consumer_byte_rate", null));
            admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, operations))).all().get();
            return eventually("[]", () -> shown.call().toString());
        });
    }

    static void endings() throws Exception {
        ask("listTopics with internal ones", () -> sorted(admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get()));
        ask("deleteTopics", () -> admin.deleteTopics(List.of("defaults")).all().get());
        ask("deleteTopics by id", () -> {
            Uuid id = admin.describeTopics(List.of("assigned")).topicNameValues().get("assigned").get().topicId();
            return admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get();
        });
        ask("deleteTopics of none", () -> admin.deleteTopics(List.of("nowhere")).all().get());
        ask("listTopics then", () -> eventually("[tour]", () -> sorted(admin.listTopics().names().get()).toString()));
    }
}
