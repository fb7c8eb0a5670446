import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigsOptions;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The Java admin client. */
public final class AdminChecks {
    private final Clients clients;
    private final Admin admin;

    private AdminChecks(Clients clients) {
        this.clients = clients;
        this.admin = clients.admin;
    }

    private int partitions(String topic) throws Exception {
        return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
    }

    private void topics() throws Exception {
        String name = clients.prefix + "admin-topic";
        var created = admin.createTopics(List.of(new NewTopic(name, 3, (short) 1).configs(Map.of("retention.ms", "12345"))));
        Checks.equal(3, created.numPartitions(name).get(), "partitions in the answer");
        Checks.equal(1, created.replicationFactor(name).get(), "replicas in the answer");
        Checks.equal("12345", created.config(name).get().get("retention.ms").value(), "config in the answer");
        Checks.becomes(3, () -> partitions(name), "partitions");
        TopicDescription described = admin.describeTopics(List.of(name)).allTopicNames().get().get(name);
        Checks.equal(created.topicId(name).get(), described.topicId(), "topic id");
        Checks.equal(1, described.partitions().get(0).leader().id(), "leader");
        Checks.equal(1, described.partitions().get(0).isr().size(), "in-sync replicas");
        var byId = admin.describeTopics(TopicCollection.ofTopicIds(List.of(described.topicId()))).allTopicIds().get();
        Checks.equal(name, byId.get(described.topicId()).name(), "name by topic id");
        Checks.fails(TopicExistsException.class,
            () -> admin.createTopics(List.of(new NewTopic(name, 3, (short) 1))).all().get());
        admin.createPartitions(Map.of(name, NewPartitions.increaseTo(5))).all().get();
        Checks.becomes(5, () -> partitions(name), "grown");
        Checks.fails(InvalidPartitionsException.class,
            () -> admin.createPartitions(Map.of(name, NewPartitions.increaseTo(2))).all().get());
        admin.deleteTopics(List.of(name)).all().get();
        Checks.becomes(false, () -> admin.listTopics().names().get().contains(name), "a deleted topic is listed");
        Checks.fails(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of(name)).all().get());
        Checks.fails(UnknownTopicOrPartitionException.class, () -> admin.describeTopics(List.of(name)).allTopicNames().get());
        var again = admin.createTopics(List.of(new NewTopic(name, 1, (short) 1)));
        Checks.isTrue(!again.topicId(name).get().equals(described.topicId()), "a topic made again has a new id");
        admin.deleteTopics(TopicCollection.ofTopicIds(List.of(again.topicId(name).get()))).all().get();
    }

    private void refusedTopics() throws Exception {
        Checks.fails(InvalidTopicException.class,
            () -> admin.createTopics(List.of(new NewTopic("not/valid", 1, (short) 1))).all().get());
        Checks.fails(InvalidReplicationFactorException.class,
            () -> admin.createTopics(List.of(new NewTopic(clients.prefix + "three", 1, (short) 3))).all().get());
        Checks.fails(InvalidPartitionsException.class,
            () -> admin.createTopics(List.of(new NewTopic(clients.prefix + "zero", 0, (short) 1))).all().get());
        Checks.fails(InvalidConfigurationException.class, () -> admin.createTopics(List.of(
            new NewTopic(clients.prefix + "odd", 1, (short) 1).configs(Map.of("no.such.setting", "1")))).all().get());
        Checks.fails(InvalidConfigurationException.class, () -> admin.createTopics(List.of(
            new NewTopic(clients.prefix + "odd", 1, (short) 1).configs(Map.of("retention.ms", "long")))).all().get());
        String dry = clients.prefix + "dry-run";
        admin.createTopics(List.of(new NewTopic(dry, 1, (short) 1)), new CreateTopicsOptions().validateOnly(true)).all().get();
        Checks.isTrue(!admin.listTopics().names().get().contains(dry), "validateOnly creates nothing");
    }

    private void placedReplicasAndDefaults() throws Exception {
        String placed = clients.prefix + "placed";
        admin.createTopics(List.of(new NewTopic(placed, Map.of(0, List.of(1), 1, List.of(1))))).all().get();
        Checks.becomes(2, () -> partitions(placed), "placed partitions");
        String defaults = clients.prefix + "defaults";
        admin.createTopics(List.of(new NewTopic(defaults, java.util.Optional.empty(), java.util.Optional.empty()))).all().get();
        Checks.becomes(1, () -> partitions(defaults), "default partitions");
    }

    private ConfigEntry entry(ConfigResource resource, String name) throws Exception {
        Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        return config.get(name);
    }

    private void alter(ConfigResource resource, String name, String value, AlterConfigOp.OpType type, boolean dry)
            throws Exception {
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry(name, value), type))),
            new AlterConfigsOptions().validateOnly(dry)).all().get();
    }

    private void topicConfigs() throws Exception {
        String topic = clients.topic("configs", 1);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Checks.becomes(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, () -> entry(resource, "retention.ms").source(), "set source");
        Checks.becomes(ConfigEntry.ConfigSource.DEFAULT_CONFIG, () -> entry(resource, "segment.bytes").source(), "default source");
        Checks.becomes("1073741824", () -> entry(resource, "segment.bytes").value(), "default value");
        alter(resource, "segment.bytes", "2000000", AlterConfigOp.OpType.SET, true);
        Checks.becomes("1073741824", () -> entry(resource, "segment.bytes").value(), "value after a dry run");
        alter(resource, "segment.bytes", "2000000", AlterConfigOp.OpType.SET, false);
        Checks.becomes("2000000", () -> entry(resource, "segment.bytes").value(), "value");
        alter(resource, "cleanup.policy", "compact", AlterConfigOp.OpType.APPEND, false);
        Checks.becomes(Set.of("compact", "delete"), () -> Set.of(entry(resource, "cleanup.policy").value().split(",")),
            "appended");
        alter(resource, "cleanup.policy", "compact", AlterConfigOp.OpType.SUBTRACT, false);
        Checks.becomes("delete", () -> entry(resource, "cleanup.policy").value(), "subtracted");
        alter(resource, "segment.bytes", "", AlterConfigOp.OpType.DELETE, false);
        Checks.becomes("1073741824", () -> entry(resource, "segment.bytes").value(), "value after delete");
        Checks.fails(InvalidConfigurationException.class, () -> {
            alter(resource, "segment.bytes", "minus", AlterConfigOp.OpType.SET, false);
            return null;
        });
        ConfigResource missing = new ConfigResource(ConfigResource.Type.TOPIC, clients.prefix + "missing");
        Checks.fails(UnknownTopicOrPartitionException.class, () -> entry(missing, "segment.bytes"));
    }

    private void brokerConfigs() throws Exception {
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
        ConfigResource cluster = new ConfigResource(ConfigResource.Type.BROKER, "");
        Checks.equal("1", entry(broker, "node.id").value(), "node.id");
        Checks.equal(true, entry(broker, "node.id").isReadOnly(), "node.id is read-only");
        Checks.equal(ConfigEntry.ConfigSource.STATIC_BROKER_CONFIG, entry(broker, "log.dirs").source(), "static source");
        alter(cluster, "message.max.bytes", "1048589", AlterConfigOp.OpType.SET, false);
        Checks.becomes("1048589", () -> entry(broker, "message.max.bytes").value(), "the default for all brokers");
        Checks.equal(ConfigEntry.ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG, entry(broker, "message.max.bytes").source(),
            "its source");
        alter(cluster, "message.max.bytes", "", AlterConfigOp.OpType.DELETE, false);
    }

    private void deleteRecords() throws Exception {
        String topic = clients.topic("delete-records", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        clients.produce(topic, 0, 10);
        var deleted = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4)));
        Checks.equal(4L, deleted.lowWatermarks().get(partition).get().lowWatermark(), "low watermark");
        try (KafkaConsumer<byte[], byte[]> consumer = clients.consumer()) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            Checks.equal(4L, Clients.read(consumer, 6).get(0).offset(), "first offset left");
        }
        Checks.fails(OffsetOutOfRangeException.class,
            () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(11))).all().get());
        var all = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(-1)));
        Checks.equal(10L, all.lowWatermarks().get(partition).get().lowWatermark(), "everything deleted");
    }

    private ListOffsetsResultInfo offset(TopicPartition partition, OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(partition, spec)).partitionResult(partition).get();
    }

    private void listOffsets() throws Exception {
        String topic = clients.topic("list-offsets", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        Checks.equal(-1L, offset(partition, OffsetSpec.maxTimestamp()).offset(), "max timestamp of an empty log");
        try (KafkaProducer<byte[], byte[]> producer = clients.producer("linger.ms", "100", "compression.type", "gzip")) {
            for (long timestamp : new long[] {1000, 5000, 9000, 3000, 7000}) {
                producer.send(new ProducerRecord<>(topic, 0, timestamp, null, new byte[10]));
            }
        }
        Checks.equal(0L, offset(partition, OffsetSpec.earliest()).offset(), "earliest");
        Checks.equal(5L, offset(partition, OffsetSpec.latest()).offset(), "latest");
        Checks.equal(2L, offset(partition, OffsetSpec.maxTimestamp()).offset(), "offset of the greatest timestamp");
        Checks.equal(9000L, offset(partition, OffsetSpec.maxTimestamp()).timestamp(), "greatest timestamp");
        Checks.equal(1L, offset(partition, OffsetSpec.forTimestamp(2000)).offset(), "first at or after 2000");
        Checks.equal(5000L, offset(partition, OffsetSpec.forTimestamp(2000)).timestamp(), "its timestamp");
        Checks.equal(-1L, offset(partition, OffsetSpec.forTimestamp(9001)).offset(), "nothing at or after 9001");
        Checks.equal(0L, offset(partition, OffsetSpec.earliestLocal()).offset(), "earliest local");
    }

    private void groups() throws Exception {
        String topic = clients.topic("group-admin", 2);
        String group = clients.prefix + "group-admin";
        List<TopicPartition> partitions = Clients.partitions(topic, 2);
        admin.alterConsumerGroupOffsets(group, Map.of(partitions.get(0), new OffsetAndMetadata(3),
            partitions.get(1), new OffsetAndMetadata(4, "m"))).all().get();
        var offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        Checks.equal(4L, offsets.get(partitions.get(1)).offset(), "altered offset");
        Checks.equal("m", offsets.get(partitions.get(1)).metadata(), "altered metadata");
        Checks.isTrue(admin.listGroups().all().get().stream().anyMatch(one -> one.groupId().equals(group)), "listed");
        Checks.equal("Empty", admin.describeConsumerGroups(List.of(group)).all().get().get(group).groupState().toString(),
            "state");
        admin.deleteConsumerGroupOffsets(group, Set.of(partitions.get(0))).all().get();
        Checks.equal(Set.of(partitions.get(1)),
            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().keySet(), "offsets left");
        try (KafkaConsumer<byte[], byte[]> consumer = clients.consumer("group.id", group)) {
            consumer.subscribe(List.of(topic));
            Checks.until("join", () -> consumer.poll(java.time.Duration.ofMillis(20)), () -> !consumer.assignment().isEmpty());
            Checks.fails(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        }
        admin.deleteConsumerGroups(List.of(group)).all().get();
        Checks.fails(GroupIdNotFoundException.class, () -> admin.describeConsumerGroups(List.of(group)).all().get());
        Checks.fails(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    }

    private void cluster() throws Exception {
        var described = admin.describeCluster();
        Checks.equal(1, described.nodes().get().size(), "nodes");
        Checks.equal(1, described.controller().get().id(), "controller");
        Checks.equal(22, described.clusterId().get().length(), "length of the cluster id");
        String listener = described.nodes().get().iterator().next().host() + ":"
            + described.nodes().get().iterator().next().port();
        Checks.equal(clients.bootstrap, listener, "address");
        Set<String> features = new TreeSet<>(admin.describeFeatures().featureMetadata().get().finalizedFeatures().keySet());
        Checks.isTrue(features.contains("metadata.version"), "finalized features name metadata.version: " + features);
        Set<String> internal = admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get();
        Checks.isTrue(internal.contains("__consumer_offsets"), "the offsets topic is listed as internal");
        Checks.isTrue(!admin.listTopics().names().get().contains("__consumer_offsets"), "and is hidden otherwise");
    }

    public static void main(String[] arguments) throws ExecutionException {
        Clients clients = new Clients(arguments[0], arguments[1]);
        AdminChecks self = new AdminChecks(clients);
        Checks checks = new Checks();
        checks.add("topics", self::topics);
        checks.add("refused_topics", self::refusedTopics);
        checks.add("placed_replicas_and_defaults", self::placedReplicasAndDefaults);
        checks.add("topic_configs", self::topicConfigs);
        checks.add("broker_configs", self::brokerConfigs);
        checks.add("delete_records", self::deleteRecords);
        checks.add("list_offsets", self::listOffsets);
        checks.add("groups", self::groups);
        checks.add("cluster", self::cluster);
        checks.runAll();
        clients.admin.close();
    }
}
