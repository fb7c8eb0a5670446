import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** The records that every client writes and reads: the same rule as tests/interop/corpus.py. */
final class Corpus {
    static final int COUNT = 300;
    static final int PARTITIONS = 3;
    static final long FIRST_TIMESTAMP = 1_700_000_000_000L;

    private Corpus() { }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] key(int i) {
        return i % 7 == 0 ? null : bytes("schlüssel-" + i);
    }

    static byte[] value(int i) {
        if (i % 11 == 5 && i % 7 != 0) {
            return null;
        }
        return i % 13 == 6 ? new byte[0] : bytes("value-" + i + "-" + "ab".repeat(i % 40));
    }

    static List<Header> headers(int i) {
        if (i % 3 != 1) {
            return List.of();
        }
        return List.of(new RecordHeader("trace", bytes("id-" + i)), new RecordHeader("trace", bytes("again")),
            new RecordHeader("empty", new byte[0]));
    }

    static ProducerRecord<byte[], byte[]> record(String topic, int i) {
        return new ProducerRecord<>(topic, i % PARTITIONS, FIRST_TIMESTAMP + i * 1000L, key(i), value(i), headers(i));
    }

    /** Records of one topic, in the order read, must be the corpus: each once, in order within its partition. */
    static void verify(List<ConsumerRecord<byte[], byte[]>> seen) {
        Map<Integer, List<ConsumerRecord<byte[], byte[]>>> partitions = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : seen) {
            partitions.computeIfAbsent(record.partition(), p -> new ArrayList<>()).add(record);
        }
        Checks.equal(COUNT, seen.size(), "records");
        for (int i = 0; i < COUNT; ++i) {
            ConsumerRecord<byte[], byte[]> record = partitions.get(i % PARTITIONS).get(i / PARTITIONS);
            Checks.equal((long) (i / PARTITIONS), record.offset(), "offset of " + i);
            Checks.isTrue(Arrays.equals(key(i), record.key()), "key of " + i);
            Checks.isTrue(Arrays.equals(value(i), record.value()), "value of " + i);
            Checks.equal(FIRST_TIMESTAMP + i * 1000L, record.timestamp(), "timestamp of " + i);
            Checks.isTrue(Objects.deepEquals(headers(i).toArray(), record.headers().toArray()), "headers of " + i);
        }
    }
}
