import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.errors.LogDirNotFoundException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Log directories through the Java admin client. Arguments: bootstrap, a topic of one partition, its directories. */
public final class LogDirChecks {
    private final Admin admin;
    private final TopicPartitionReplica replica;
    private final TopicPartition partition;
    private final List<String> directories;

    private LogDirChecks(Admin admin, String topic, List<String> directories) {
        this.admin = admin;
        this.replica = new TopicPartitionReplica(topic, 0, 1);
        this.partition = new TopicPartition(topic, 0);
        this.directories = directories;
    }

    private Map<String, LogDirDescription> describe() throws Exception {
        return admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1);
    }

    private String current() throws Exception {
        return admin.describeReplicaLogDirs(List.of(replica)).all().get().get(replica).getCurrentReplicaLogDir();
    }

    private void describesAll() throws Exception {
        Map<String, LogDirDescription> described = describe();
        Checks.equal(new HashSet<>(directories), described.keySet(), "directories");
        Set<String> holders = new HashSet<>();
        for (Map.Entry<String, LogDirDescription> entry : described.entrySet()) {
            Checks.isTrue(entry.getValue().error() == null, "no error of " + entry.getKey());
            Checks.isTrue(entry.getValue().totalBytes().getAsLong() > 0, "total bytes");
            Checks.isTrue(entry.getValue().usableBytes().getAsLong() > 0, "usable bytes");
            if (entry.getValue().replicaInfos().containsKey(partition)) {
                holders.add(entry.getKey());
                Checks.isTrue(entry.getValue().replicaInfos().get(partition).size() > 0, "bytes of the partition");
                Checks.equal(0L, entry.getValue().replicaInfos().get(partition).offsetLag(), "lag");
            }
        }
        Checks.equal(Set.of(current()), holders, "the partition's directory");
    }

    private void movesToEach() throws Exception {
        for (String directory : directories) {
            admin.alterReplicaLogDirs(Map.of(replica, directory)).all().get();
            Checks.becomes(directory, this::current, "the partition's directory");
        }
    }

    private void refused(TopicPartitionReplica which, String directory, Class<? extends Exception> expected) {
        Checks.fails(expected, () -> admin.alterReplicaLogDirs(Map.of(which, directory)).all().get());
    }

    public static void main(String[] arguments) throws Exception {
        List<String> directories = List.of(arguments).subList(2, arguments.length);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            LogDirChecks self = new LogDirChecks(admin, arguments[1], directories);
            Checks checks = new Checks();
            checks.add("describes-log-dirs", self::describesAll);
            checks.add("moves-to-each-directory", self::movesToEach);
            checks.add("unknown-directory-is-refused",
                () -> self.refused(self.replica, "/nowhere", LogDirNotFoundException.class));
            checks.add("unknown-partition-is-refused",
                () -> self.refused(new TopicPartitionReplica(arguments[1], 9, 1), directories.get(0),
                    UnknownTopicOrPartitionException.class));
            checks.runAll();
        }
    }
}
