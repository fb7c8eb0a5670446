import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartitionReplica;

/** Asks for partition 0 of a topic on broker 1 to be moved: bootstrap, topic, directory. Prints a refusal. */
public final class LogDirMove {
    private LogDirMove() {
    }

    public static void main(String[] arguments) throws Exception {
        TopicPartitionReplica replica = new TopicPartitionReplica(arguments[1], 0, 1);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            admin.alterReplicaLogDirs(Map.of(replica, arguments[2])).all().get();
        } catch (ExecutionException e) {
            System.out.println(e.getCause());
        }
    }
}
