import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.InconsistentGroupProtocolException;

/** Classic consumer groups of the Java client. */
public final class GroupChecks {
    private final Clients clients;

    private GroupChecks(Clients clients) {
        this.clients = clients;
    }

    private KafkaConsumer<byte[], byte[]> member(String group, Class<?> assignor, String... more) {
        List<String> settings = new ArrayList<>(List.of("group.id", clients.prefix + group, "group.protocol", "classic",
            "partition.assignment.strategy", assignor.getName(), "session.timeout.ms", "6000"));
        settings.addAll(List.of(more));
        return clients.consumer(settings.toArray(new String[0]));
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

    private void rebalances(Class<?> assignor) throws Exception {
        String name = "rebalance-" + assignor.getSimpleName();
        String topic = clients.topic(name, 6);
        List<KafkaConsumer<byte[], byte[]>> members = new ArrayList<>();
        for (int count = 1; count <= 3; ++count) {
            KafkaConsumer<byte[], byte[]> member = member(name, assignor);
            member.subscribe(List.of(topic));
            members.add(member);
            pollUntilBalanced(6, members);
        }
        ConsumerGroupDescription described = clients.admin.describeConsumerGroups(List.of(clients.prefix + name))
            .all().get().get(clients.prefix + name);
        Checks.equal("Stable", described.groupState().toString(), "group state");
        Checks.equal(3, described.members().size(), "members");
        members.remove(0).close();
        pollUntilBalanced(6, members);
        members.forEach(KafkaConsumer::close);
    }

    private void cooperativeKeepsWhatStays() throws Exception {
        String topic = clients.topic("cooperative", 4);
        AtomicInteger revoked = new AtomicInteger();
        KafkaConsumer<byte[], byte[]> first = member("cooperative", CooperativeStickyAssignor.class);
        KafkaConsumer<byte[], byte[]> second = member("cooperative", CooperativeStickyAssignor.class);
        first.subscribe(List.of(topic), new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                revoked.addAndGet(partitions.size());
            }

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) { }
        });
        pollUntilBalanced(4, List.of(first));
        second.subscribe(List.of(topic));
        pollUntilBalanced(4, List.of(first, second));
        Checks.equal(2, revoked.get(), "partitions taken from the first member");
        first.close();
        second.close();
    }

    private String memberId(String group, String instance) throws Exception {
        return clients.admin.describeConsumerGroups(List.of(clients.prefix + group)).all().get().get(clients.prefix + group)
            .members().stream().filter(member -> member.groupInstanceId().orElse("").equals(instance))
            .map(member -> member.consumerId() + member.assignment().topicPartitions()).findFirst().orElse("");
    }

    private void staticMembership() throws Exception {
        String topic = clients.topic("static", 4);
        AtomicInteger rebalances = new AtomicInteger();
        KafkaConsumer<byte[], byte[]> first = member("static", RangeAssignor.class, "group.instance.id", "one");
        KafkaConsumer<byte[], byte[]> second = member("static", RangeAssignor.class, "group.instance.id", "two");
        first.subscribe(List.of(topic), new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) { }

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                rebalances.incrementAndGet();
            }
        });
        second.subscribe(List.of(topic));
        pollUntilBalanced(4, List.of(first, second));
        int before = rebalances.get();
        int generation = first.groupMetadata().generationId();
        String described = memberId("static", "two");
        Set<TopicPartition> owned = Set.copyOf(second.assignment());
        second.close(); // A static member does not leave when it closes.
        KafkaConsumer<byte[], byte[]> again = member("static", RangeAssignor.class, "group.instance.id", "two");
        again.subscribe(List.of(topic));
        pollUntilBalanced(4, List.of(first, again));
        Checks.equal(owned, again.assignment(), "assignment of the member that came back");
        Checks.equal(before, rebalances.get(), "rebalances seen by the other member");
        Checks.equal(generation, first.groupMetadata().generationId(), "generation");
        Checks.isTrue(!described.equals(memberId("static", "two")), "the member that came back has a new id");
        KafkaConsumer<byte[], byte[]> thief = member("static", RangeAssignor.class, "group.instance.id", "two");
        thief.subscribe(List.of(topic));
        Checks.until("the newer member with the same instance id takes over",
            () -> thief.poll(Duration.ofMillis(50)), () -> !thief.assignment().isEmpty());
        Checks.fails(FencedInstanceIdException.class, () -> {
            Checks.until("the older one is fenced", () -> again.poll(Duration.ofMillis(50)), () -> false);
            return null;
        });
        again.close();
        first.close();
        thief.close();
    }

    private void commitAndResume() throws Exception {
        String topic = clients.topic("resume", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        clients.produce(topic, 0, 10);
        try (KafkaConsumer<byte[], byte[]> consumer = member("resume", RangeAssignor.class, "max.poll.records", "4")) {
            consumer.subscribe(List.of(topic));
            Checks.equal(4, Clients.read(consumer, 4).size(), "first read");
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(4, "note of the reader")));
            OffsetAndMetadata committed = consumer.committed(Set.of(partition)).get(partition);
            Checks.equal(4L, committed.offset(), "committed offset");
            Checks.equal("note of the reader", committed.metadata(), "committed metadata");
        }
        try (KafkaConsumer<byte[], byte[]> consumer = member("resume", RangeAssignor.class)) {
            consumer.subscribe(List.of(topic));
            Checks.equal(4L, Clients.read(consumer, 6).get(0).offset(), "first offset after coming back");
            consumer.commitSync();
        }
        try (KafkaConsumer<byte[], byte[]> consumer = member("resume", RangeAssignor.class)) {
            consumer.subscribe(List.of(topic));
            Checks.until("assignment", () -> consumer.poll(Duration.ofMillis(20)), () -> !consumer.assignment().isEmpty());
            Checks.equal(10L, consumer.position(partition), "position after everything was committed");
        }
    }

    private void patternSubscription() throws Exception {
        String first = clients.topic("pattern-a", 1);
        KafkaConsumer<byte[], byte[]> consumer = member("pattern", RangeAssignor.class, "metadata.max.age.ms", "500");
        consumer.subscribe(Pattern.compile(Pattern.quote(clients.prefix + "pattern-") + ".*"));
        Checks.until("first topic", () -> consumer.poll(Duration.ofMillis(20)), () -> consumer.assignment().size() == 1);
        String second = clients.topic("pattern-b", 2);
        Checks.until("new topic is noticed", () -> consumer.poll(Duration.ofMillis(20)),
            () -> consumer.assignment().size() == 3);
        Set<String> topics = new HashSet<>();
        consumer.assignment().forEach(partition -> topics.add(partition.topic()));
        Checks.equal(Set.of(first, second), topics, "topics");
        consumer.close();
    }

    private void newPartitionsAreAssigned() throws Exception {
        String topic = clients.topic("grows", 1);
        KafkaConsumer<byte[], byte[]> consumer = member("grows", RangeAssignor.class, "metadata.max.age.ms", "500");
        consumer.subscribe(List.of(topic));
        Checks.until("assignment", () -> consumer.poll(Duration.ofMillis(20)), () -> consumer.assignment().size() == 1);
        clients.admin.createPartitions(Map.of(topic, org.apache.kafka.clients.admin.NewPartitions.increaseTo(3))).all().get();
        Checks.until("new partitions", () -> consumer.poll(Duration.ofMillis(20)), () -> consumer.assignment().size() == 3);
        consumer.close();
    }

    private void inconsistentProtocolIsRefused() throws Exception {
        String topic = clients.topic("inconsistent", 2);
        KafkaConsumer<byte[], byte[]> first = member("inconsistent", RangeAssignor.class);
        first.subscribe(List.of(topic));
        pollUntilBalanced(2, List.of(first));
        KafkaConsumer<byte[], byte[]> second = member("inconsistent", RoundRobinAssignor.class);
        second.subscribe(List.of(topic));
        Checks.fails(InconsistentGroupProtocolException.class, () -> {
            Checks.until("refusal", () -> {
                first.poll(Duration.ofMillis(20));
                second.poll(Duration.ofMillis(20));
            }, () -> false);
            return null;
        });
        first.close();
        second.close();
    }

    private void deadMemberIsExpelled() throws Exception {
        String topic = clients.topic("expelled", 2);
        KafkaConsumer<byte[], byte[]> first = member("expelled", RangeAssignor.class);
        KafkaConsumer<byte[], byte[]> second = member("expelled", RangeAssignor.class, "group.instance.id", "silent");
        first.subscribe(List.of(topic));
        second.subscribe(List.of(topic));
        pollUntilBalanced(2, List.of(first, second));
        second.close(); // Static: it stays a member until its session times out.
        pollUntilBalanced(2, List.of(first));
        first.close();
    }

    public static void main(String[] arguments) {
        Clients clients = new Clients(arguments[0], arguments[1]);
        GroupChecks self = new GroupChecks(clients);
        Checks checks = new Checks();
        for (Class<?> assignor : List.of(RangeAssignor.class, RoundRobinAssignor.class, StickyAssignor.class,
                CooperativeStickyAssignor.class)) {
            checks.add("rebalances_" + assignor.getSimpleName(), () -> self.rebalances(assignor));
        }
        checks.add("cooperative_keeps_what_stays", self::cooperativeKeepsWhatStays);
        checks.add("static_membership", self::staticMembership);
        checks.add("commit_and_resume", self::commitAndResume);
        checks.add("pattern_subscription", self::patternSubscription);
        checks.add("new_partitions_are_assigned", self::newPartitionsAreAssigned);
        checks.add("inconsistent_protocol_is_refused", self::inconsistentProtocolIsRefused);
        checks.add("dead_member_is_expelled", self::deadMemberIsExpelled);
        checks.runAll();
        clients.admin.close();
    }
}
