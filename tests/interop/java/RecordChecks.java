import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;

/** The Java producer and consumer: contents, codecs, offsets, limits. */
public final class RecordChecks {
    private final Clients clients;

    private RecordChecks(Clients clients) {
        this.clients = clients;
    }

    private void codec(String codec, String... settings) throws Exception {
        String topic = clients.topic("corpus-" + codec, Corpus.PARTITIONS);
        List<String> all = new ArrayList<>(List.of("compression.type", codec, "acks", "all", "linger.ms", "50"));
        all.addAll(List.of(settings));
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer = clients.producer(all.toArray(new String[0]))) {
            for (int i = 0; i < Corpus.COUNT; ++i) {
                sent.add(producer.send(Corpus.record(topic, i)));
            }
        }
        for (int i = 0; i < Corpus.COUNT; ++i) {
            Checks.equal((long) (i / Corpus.PARTITIONS), sent.get(i).get().offset(), "acknowledged offset of " + i);
        }
        for (String isolation : List.of("read_uncommitted", "read_committed")) {
            try (KafkaConsumer<byte[], byte[]> consumer = clients.consumer("isolation.level", isolation)) {
                consumer.assign(Clients.partitions(topic, Corpus.PARTITIONS));
                Corpus.verify(Clients.read(consumer, Corpus.COUNT));
            }
        }
    }

    private void brokerRecompresses() throws Exception {
        String topic = clients.topic("recompressed", Corpus.PARTITIONS, "compression.type", "zstd");
        try (KafkaProducer<byte[], byte[]> producer = clients.producer("compression.type", "gzip", "linger.ms", "50")) {
            for (int i = 0; i < Corpus.COUNT; ++i) {
                producer.send(Corpus.record(topic, i));
            }
        }
        try (KafkaConsumer<byte[], byte[]> consumer = clients.consumer()) {
            consumer.assign(Clients.partitions(topic, Corpus.PARTITIONS));
            Corpus.verify(Clients.read(consumer, Corpus.COUNT));
        }
    }

    private void acks(String acks) throws Exception {
        String topic = clients.topic("acks-" + acks, 1);
        try (KafkaProducer<byte[], byte[]> producer = clients.producer("acks", acks, "enable.idempotence", "false")) {
            for (int i = 0; i < 10; ++i) {
                RecordMetadata metadata = producer.send(new ProducerRecord<>(topic, Corpus.bytes("v" + i))).get();
                Checks.equal(!acks.equals("0"), metadata.hasOffset(), "offset known with acks=" + acks);
            }
        }
        try (KafkaConsumer<byte[], byte[]> consumer = clients.consumer()) {
            consumer.assign(Clients.partitions(topic, 1));
            List<ConsumerRecord<byte[], byte[]>> records = Clients.read(consumer, 10);
            for (int i = 0; i < 10; ++i) {
                Checks.equal("v" + i, new String(records.get(i).value()), "record " + i);
            }
        }
    }

    private void nullHeaderValue() throws Exception {
        String topic = clients.topic("null-header", 1);
        try (KafkaProducer<byte[], byte[]> producer = clients.producer()) {
            List<Header> headers = List.of(new RecordHeader("none", (byte[]) null));
            producer.send(new ProducerRecord<>(topic, 0, (byte[]) null, (byte[]) null, headers));
        }
        try (KafkaConsumer<byte[], byte[]> consumer = clients.consumer()) {
            consumer.assign(Clients.partitions(topic, 1));
            Checks.equal(null, Clients.read(consumer, 1).get(0).headers().lastHeader("none").value(), "header value");
        }
    }

    private void logAppendTime() throws Exception {
        String topic = clients.topic("log-append-time", 1, "message.timestamp.type", "LogAppendTime");
        long before = System.currentTimeMillis();
        long acknowledged;
        try (KafkaProducer<byte[], byte[]> producer = clients.producer("compression.type", "lz4")) {
            acknowledged = producer.send(new ProducerRecord<>(topic, 0, 1000L, null, Corpus.bytes("v"))).get().timestamp();
        }
        Checks.isTrue(acknowledged >= before, "acknowledged timestamp is the broker's");
        try (KafkaConsumer<byte[], byte[]> consumer = clients.consumer()) {
            consumer.assign(Clients.partitions(topic, 1));
            ConsumerRecord<byte[], byte[]> record = Clients.read(consumer, 1).get(0);
            Checks.equal(TimestampType.LOG_APPEND_TIME, record.timestampType(), "timestamp type");
            Checks.equal(acknowledged, record.timestamp(), "timestamp");
        }
    }

    private void limits() throws Exception {
        String topic = clients.topic("limits", 1, "max.message.bytes", "10000");
        try (KafkaProducer<byte[], byte[]> producer = clients.producer()) {
            Checks.fails(RecordTooLargeException.class,
                () -> producer.send(new ProducerRecord<>(topic, new byte[20000])).get());
            Checks.fails(InvalidTimestampException.class, () -> producer.send(new ProducerRecord<>(topic, 0,
                System.currentTimeMillis() + 7_200_000L, null, Corpus.bytes("from the future"))).get());
            Checks.equal(0L, producer.send(new ProducerRecord<>(topic, Corpus.bytes("fits"))).get().offset(), "offset");
        }
        try (KafkaConsumer<byte[], byte[]> consumer = clients.consumer("auto.offset.reset", "none")) {
            consumer.assign(Clients.partitions(topic, 1));
            consumer.seek(new TopicPartition(topic, 0), 1000);
            Checks.fails(OffsetOutOfRangeException.class, () -> {
                Clients.read(consumer, 1);
                return null;
            });
        }
    }

    private void compactedTopicNeedsKeys() throws Exception {
        String topic = clients.topic("compacted", 1, "cleanup.policy", "compact");
        try (KafkaProducer<byte[], byte[]> producer = clients.producer("compression.type", "zstd")) {
            Checks.fails(org.apache.kafka.common.InvalidRecordException.class,
                () -> producer.send(new ProducerRecord<>(topic, Corpus.bytes("no key"))).get());
        }
        try (KafkaProducer<byte[], byte[]> producer = clients.producer("compression.type", "zstd")) {
            producer.send(new ProducerRecord<>(topic, Corpus.bytes("k"), Corpus.bytes("v"))).get();
        }
    }

    private void positions() throws Exception {
        String topic = clients.topic("positions", Corpus.PARTITIONS);
        try (KafkaProducer<byte[], byte[]> producer = clients.producer()) {
            for (int i = 0; i < Corpus.COUNT; ++i) {
                producer.send(Corpus.record(topic, i));
            }
        }
        TopicPartition first = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = clients.consumer()) {
            consumer.assign(List.of(first));
            Checks.equal(0L, consumer.beginningOffsets(List.of(first)).get(first), "beginning");
            Checks.equal(100L, consumer.endOffsets(List.of(first)).get(first), "end");
            var found = consumer.offsetsForTimes(Map.of(first, Corpus.FIRST_TIMESTAMP + 149_500L));
            Checks.equal(50L, found.get(first).offset(), "offset for time");
            Checks.equal(Corpus.FIRST_TIMESTAMP + 150_000L, found.get(first).timestamp(), "its timestamp");
            var none = consumer.offsetsForTimes(Map.of(first, Corpus.FIRST_TIMESTAMP + 1_000_000L));
            Checks.equal(null, none.get(first), "offset after the last time");
            consumer.seek(first, 97);
            Checks.equal(97L, Clients.read(consumer, 3).get(0).offset(), "first after seek");
            consumer.seekToEnd(List.of(first));
            Checks.equal(100L, consumer.position(first), "position at the end");
            Checks.equal(3, consumer.partitionsFor(topic).size(), "partitions");
        }
    }

    private void manyPartitionsInOneFetchSession() throws Exception {
        String topic = clients.topic("many", 100);
        try (KafkaProducer<byte[], byte[]> producer = clients.producer();
             KafkaConsumer<byte[], byte[]> consumer = clients.consumer("max.partition.fetch.bytes", "1000")) {
            consumer.assign(Clients.partitions(topic, 100));
            List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (int round = 1; round <= 3; ++round) {
                for (int i = 0; i < 100; ++i) {
                    producer.send(new ProducerRecord<>(topic, i, null, new byte[700]));
                }
                producer.flush();
                records.addAll(Clients.read(consumer, 100));
                Checks.equal(100 * round, records.size(), "records after round " + round);
            }
            consumer.assign(Clients.partitions(topic, 10));
            producer.send(new ProducerRecord<>(topic, 5, null, Corpus.bytes("after forgetting"))).get();
            Checks.equal(5, Clients.read(consumer, 1).get(0).partition(), "partition");
        }
    }

    private void autoCreation() throws Exception {
        String topic = clients.prefix + "created-by-use";
        try (KafkaProducer<byte[], byte[]> producer = clients.producer()) {
            Checks.equal(0L, producer.send(new ProducerRecord<>(topic, Corpus.bytes("first"))).get().offset(), "offset");
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause());
        }
        try (KafkaConsumer<byte[], byte[]> consumer = clients.consumer()) {
            consumer.assign(Clients.partitions(topic, 1));
            Clients.read(consumer, 1);
        }
    }

    private void largeRecords() throws Exception {
        String topic = clients.topic("large", 1);
        try (KafkaProducer<byte[], byte[]> producer = clients.producer();
             KafkaConsumer<byte[], byte[]> consumer = clients.consumer("fetch.max.bytes", "1000",
                 "max.partition.fetch.bytes", "1000")) {
            for (int size : new int[] {1, 1_000_000, 50_000, 1_000_000}) {
                producer.send(new ProducerRecord<>(topic, new byte[size])).get();
            }
            consumer.assign(Clients.partitions(topic, 1));
            List<ConsumerRecord<byte[], byte[]>> records = Clients.read(consumer, 4);
            Checks.equal(1_000_000, records.get(1).value().length, "a record above the fetch limits");
            Checks.equal(0, consumer.poll(Duration.ofMillis(1)).count(), "records after the last");
        }
    }

    public static void main(String[] arguments) {
        Clients clients = new Clients(arguments[0], arguments[1]);
        RecordChecks self = new RecordChecks(clients);
        Checks checks = new Checks();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            checks.add("corpus_" + codec, () -> self.codec(codec));
        }
        checks.add("broker_recompresses", self::brokerRecompresses);
        for (String acks : List.of("0", "1", "all")) {
            checks.add("acks_" + acks, () -> self.acks(acks));
        }
        checks.add("null_header_value", self::nullHeaderValue);
        checks.add("log_append_time", self::logAppendTime);
        checks.add("limits", self::limits);
        checks.add("compacted_topic_needs_keys", self::compactedTopicNeedsKeys);
        checks.add("positions", self::positions);
        checks.add("many_partitions_in_one_fetch_session", self::manyPartitionsInOneFetchSession);
        checks.add("auto_creation", self::autoCreation);
        checks.add("large_records", self::largeRecords);
        checks.runAll();
        clients.admin.close();
    }
}
