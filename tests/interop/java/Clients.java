import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Makes clients of one cluster, and topics in it. */
final class Clients {
    final String bootstrap;
    final String prefix;
    final Admin admin;

    Clients(String bootstrap, String prefix) {
        this.bootstrap = bootstrap;
        this.prefix = prefix;
        this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    private Properties properties(String... settings) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < settings.length; i += 2) {
            properties.put(settings[i], settings[i + 1]);
        }
        return properties;
    }

    KafkaProducer<byte[], byte[]> producer(String... settings) {
        return new KafkaProducer<>(properties(settings), new ByteArraySerializer(), new ByteArraySerializer());
    }

    KafkaConsumer<byte[], byte[]> consumer(String... settings) {
        Properties properties = properties(settings);
        properties.putIfAbsent("auto.offset.reset", "earliest");
        properties.putIfAbsent("enable.auto.commit", "false");
        properties.putIfAbsent("heartbeat.interval.ms", "100");
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Creates a topic whose records never expire (the corpus has old timestamps), and returns its full name. */
    String topic(String name, int partitions, String... settings) throws Exception {
        Map<String, String> configs = new java.util.HashMap<>(Map.of("retention.ms", "-1"));
        for (int i = 0; i < settings.length; i += 2) {
            configs.put(settings[i], settings[i + 1]);
        }
        String full = prefix + name;
        admin.createTopics(List.of(new NewTopic(full, partitions, (short) 1).configs(configs))).all().get();
        return full;
    }

    static List<TopicPartition> partitions(String topic, int count) {
        List<TopicPartition> partitions = new ArrayList<>();
        for (int i = 0; i < count; ++i) {
            partitions.add(new TopicPartition(topic, i));
        }
        return partitions;
    }

    void produce(String topic, int partition, int count) {
        try (KafkaProducer<byte[], byte[]> producer = producer()) {
            for (int i = 0; i < count; ++i) {
                producer.send(new org.apache.kafka.clients.producer.ProducerRecord<>(topic, partition, null,
                    Corpus.bytes("v" + i)));
            }
        }
    }

    /** Reads count records of the assigned or subscribed partitions. */
    static List<ConsumerRecord<byte[], byte[]>> read(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        Checks.until("reading " + count + " records", () -> consumer.poll(Duration.ofMillis(100)).forEach(records::add),
            () -> records.size() >= count);
        return records;
    }
}
