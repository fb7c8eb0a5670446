import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidRegularExpression;
import org.apache.kafka.common.errors.UnreleasedInstanceIdException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Groups of the consumer protocol (KIP-848) of the Java client. */
public final class ConsumerGroupChecks {
    private final Clients clients;

    private ConsumerGroupChecks(Clients clients) {
        this.clients = clients;
    }

    private KafkaConsumer<byte[], byte[]> member(String group, String protocol, String... more) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", clients.bootstrap);
        properties.put("group.id", clients.prefix + group);
        properties.put("group.protocol", protocol);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        for (int i = 0; i < more.length; i += 2) {
            properties.put(more[i], more[i + 1]);
        }
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static void pollUntilBalanced(int total, List<KafkaConsumer<byte[], byte[]>> members) {
        Checks.until(total + " partitions spread over " + members.size() + " members",
            () -> members.forEach(member -> member.poll(Duration.ofMillis(20))), () -> {
                Set<TopicPartition> owned = new HashSet<>();
                int sum = 0;
                for (KafkaConsumer<byte[], byte[]> member : members) {
                    owned.addAll(member.assignment());
                    sum += member.assignment().size();
                    if (member.assignment().size() != total / members.size()) {
                        return false;
                    }
                }
                return owned.size() == total && sum == total;
            });
    }

    private ConsumerGroupDescription describe(String group) throws Exception {
        return clients.admin.describeConsumerGroups(List.of(clients.prefix + group)).all().get()
            .get(clients.prefix + group);
    }

    private void rebalances(String assignor) throws Exception {
        String name = "rebalance-" + assignor;
        String topic = clients.topic(name, 6);
        List<KafkaConsumer<byte[], byte[]>> members = new ArrayList<>();
        for (int count = 1; count <= 3; ++count) {
            KafkaConsumer<byte[], byte[]> member = member(name, "consumer", "group.remote.assignor", assignor);
            member.subscribe(List.of(topic));
            members.add(member);
            pollUntilBalanced(6, members);
        }
        Checks.becomes("Stable", () -> {
            members.forEach(member -> member.poll(Duration.ofMillis(20)));
            return describe(name).groupState().toString();
        }, "group state");
        ConsumerGroupDescription described = describe(name);
        Checks.equal(GroupType.CONSUMER, described.type(), "group type");
        Checks.equal(assignor, described.partitionAssignor(), "assignor");
        Checks.equal(3, described.members().size(), "members");
        Checks.isTrue(described.members().stream().allMatch(member -> member.memberEpoch().get() > 0
            && member.targetAssignment().get().equals(member.assignment())), "each member has its target");
        members.remove(0).close();
        pollUntilBalanced(6, members);
        members.forEach(KafkaConsumer::close);
        Checks.equal("Empty", describe(name).groupState().toString(), "group state");
    }

    private void commitAndResume() throws Exception {
        String topic = clients.topic("resume", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        clients.produce(topic, 0, 10);
        try (KafkaConsumer<byte[], byte[]> consumer = member("resume", "consumer", "max.poll.records", "4")) {
            consumer.subscribe(List.of(topic));
            Checks.equal(4, Clients.read(consumer, 4).size(), "first read");
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(4, "note of the reader")));
            OffsetAndMetadata committed = consumer.committed(Set.of(partition)).get(partition);
            Checks.equal(4L, committed.offset(), "committed offset");
            Checks.equal("note of the reader", committed.metadata(), "committed metadata");
        }
        try (KafkaConsumer<byte[], byte[]> consumer = member("resume", "consumer")) {
            consumer.subscribe(List.of(topic));
            Checks.equal(4L, Clients.read(consumer, 6).get(0).offset(), "first offset after coming back");
            consumer.commitSync();
        }
        clients.admin.deleteConsumerGroups(List.of(clients.prefix + "resume")).all().get();
        Checks.isTrue(clients.admin.listGroups().all().get().stream()
            .noneMatch(group -> group.groupId().equals(clients.prefix + "resume")), "the group is gone");
    }

    private void staticMembership() throws Exception {
        String topic = clients.topic("static", 4);
        KafkaConsumer<byte[], byte[]> first = member("static", "consumer", "group.instance.id", "one");
        KafkaConsumer<byte[], byte[]> second = member("static", "consumer", "group.instance.id", "two");
        first.subscribe(List.of(topic));
        second.subscribe(List.of(topic));
        pollUntilBalanced(4, List.of(first, second));
        int epoch = describe("static").groupEpoch().get();
        Set<TopicPartition> owned = Set.copyOf(second.assignment());
        KafkaConsumer<byte[], byte[]> thief = member("static", "consumer", "group.instance.id", "two");
        thief.subscribe(List.of(topic));
        Checks.fails(UnreleasedInstanceIdException.class, () -> {
            Checks.until("refusal", () -> thief.poll(Duration.ofMillis(50)), () -> false);
            return null;
        });
        thief.close();
        second.close(); // A static member says that it will be back.
        KafkaConsumer<byte[], byte[]> again = member("static", "consumer", "group.instance.id", "two");
        again.subscribe(List.of(topic));
        pollUntilBalanced(4, List.of(first, again));
        Checks.equal(owned, again.assignment(), "assignment of the member that came back");
        Checks.equal(epoch, describe("static").groupEpoch().get(), "group epoch");
        first.close();
        again.close();
    }

    private void regularExpression() throws Exception {
        String first = clients.topic("regex-a", 1);
        KafkaConsumer<byte[], byte[]> consumer = member("regex", "consumer");
        consumer.subscribe(new SubscriptionPattern(clients.prefix.replace(".", "\\.") + "regex-.*"));
        Checks.until("first topic", () -> consumer.poll(Duration.ofMillis(20)), () -> consumer.assignment().size() == 1);
        String second = clients.topic("regex-b", 2);
        Checks.until("new topic is noticed", () -> consumer.poll(Duration.ofMillis(20)),
            () -> consumer.assignment().size() == 3);
        Set<String> topics = new HashSet<>();
        consumer.assignment().forEach(partition -> topics.add(partition.topic()));
        Checks.equal(Set.of(first, second), topics, "topics");
        consumer.close();
        KafkaConsumer<byte[], byte[]> wrong = member("regex-wrong", "consumer");
        wrong.subscribe(new SubscriptionPattern("("));
        Checks.fails(InvalidRegularExpression.class, () -> {
            Checks.until("refusal", () -> wrong.poll(Duration.ofMillis(50)), () -> false);
            return null;
        });
        wrong.close();
    }

    private void newPartitionsAreAssigned() throws Exception {
        String topic = clients.topic("grows", 1);
        KafkaConsumer<byte[], byte[]> consumer = member("grows", "consumer");
        consumer.subscribe(List.of(topic));
        Checks.until("assignment", () -> consumer.poll(Duration.ofMillis(20)), () -> consumer.assignment().size() == 1);
        clients.admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get();
        Checks.until("new partitions", () -> consumer.poll(Duration.ofMillis(20)), () -> consumer.assignment().size() == 3);
        consumer.close();
    }

    private void groupSettings() throws Exception {
        ConfigResource group = new ConfigResource(ConfigResource.Type.GROUP, clients.prefix + "settings");
        clients.admin.incrementalAlterConfigs(Map.of(group, List.of(new AlterConfigOp(
            new ConfigEntry("consumer.heartbeat.interval.ms", "6000"), AlterConfigOp.OpType.SET)))).all().get();
        Checks.becomes("6000", () -> clients.admin.describeConfigs(List.of(group)).all().get().get(group)
            .get("consumer.heartbeat.interval.ms").value(), "the setting");
    }

    /** Members of one protocol are replaced by members of the other, one by one, and nobody loses a partition for good. */
    private void migration(String from, String to) throws Exception {
        String name = from + "-to-" + to;
        String topic = clients.topic(name, 4);
        clients.produce(topic, 0, 10);
        KafkaConsumer<byte[], byte[]> first = member(name, from);
        KafkaConsumer<byte[], byte[]> second = member(name, from);
        first.subscribe(List.of(topic));
        second.subscribe(List.of(topic));
        pollUntilBalanced(4, List.of(first, second));
        first.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(7)));
        first.close();
        KafkaConsumer<byte[], byte[]> third = member(name, to);
        third.subscribe(List.of(topic));
        pollUntilBalanced(4, List.of(second, third));
        Checks.equal(GroupType.CONSUMER, describe(name).type(), "type of the mixed group");
        second.close();
        pollUntilBalanced(4, List.of(third));
        Checks.equal(to.equals("consumer") ? GroupType.CONSUMER : GroupType.CLASSIC, describe(name).type(), "type at the end");
        TopicPartition partition = new TopicPartition(topic, 0);
        Checks.equal(7L, third.committed(Set.of(partition)).get(partition).offset(), "committed offset");
        third.close();
    }

    public static void main(String[] arguments) {
        Clients clients = new Clients(arguments[0], arguments[1]);
        ConsumerGroupChecks self = new ConsumerGroupChecks(clients);
        Checks checks = new Checks();
        checks.add("commit_and_resume", self::commitAndResume);
        checks.add("rebalances_uniform", () -> self.rebalances("uniform"));
        checks.add("rebalances_range", () -> self.rebalances("range"));
        checks.add("static_membership", self::staticMembership);
        checks.add("regular_expression", self::regularExpression);
        checks.add("new_partitions_are_assigned", self::newPartitionsAreAssigned);
        checks.add("group_settings", self::groupSettings);
        checks.add("migration_classic_to_consumer", () -> self.migration("classic", "consumer"));
        checks.add("migration_consumer_to_classic", () -> self.migration("consumer", "classic"));
        checks.runAll();
        clients.admin.close();
    }
}
