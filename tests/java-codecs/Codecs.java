import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.jar.JarFile;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.NullableSchema;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Kafka's side of the comparison of codecs. Decodes each message of a file with Kafka's own classes and encodes it
 * again; then makes messages of its own, of every class and version in the file, for weir to do the same with.
 *
 * A file is a row of entries: name (as Java writes UTF), int16 version, int32 size, bytes.
 */
public final class Codecs {
    private static final int MADE_PER_VERSION = 40;
    private static final int FAILURES_SHOWN = 20;
    private static final String[] TEXTS = {"", "a", "topic-7", "é€😀", "x".repeat(200)};

    private final Map<String, Class<?>> classes = new HashMap<>();
    private final Random random;
    private int failures = 0;

    private Codecs(long seed) {
        random = new Random(seed);
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 4) {
            System.err.println("usage: Codecs JARS IN OUT SEED");
            System.exit(2);
        }
        Codecs codecs = new Codecs(Long.parseLong(arguments[3]));
        codecs.findClasses(Path.of(arguments[0]));
        Map<String, TreeMap<Short, Integer>> seen = codecs.checkAll(Path.of(arguments[1]));
        codecs.makeAll(seen, Path.of(arguments[2]));
        System.exit(codecs.failures == 0 ? 0 : 1);
    }

    /** Generated classes by their simple names, which are unique among Kafka's messages. */
    private void findClasses(Path jars) throws Exception {
        try (var paths = Files.newDirectoryStream(jars, "kafka-*.jar")) {
            for (Path path : paths) {
                try (JarFile jar = new JarFile(path.toFile())) {
                    for (var entries = jar.entries(); entries.hasMoreElements();) {
                        String entry = entries.nextElement().getName();
                        boolean generated = entry.contains("/generated/")
                            || entry.startsWith("org/apache/kafka/common/message/")
                            || entry.startsWith("org/apache/kafka/common/metadata/");
                        if (!generated || !entry.endsWith(".class") || entry.contains("$")) continue;
                        Class<?> found = Class.forName(entry.substring(0, entry.length() - 6).replace('/', '.'), false,
                            Codecs.class.getClassLoader());
                        // Of requests, answers and headers the class has Data behind the name of the message.
                        if (!Message.class.isAssignableFrom(found)) continue;
                        String name = found.getSimpleName();
                        classes.put(name, found);
                        if (name.matches(".*(Request|Response|Header)Data")) {
                            classes.put(name.substring(0, name.length() - 4), found);
                        }
                    }
                }
            }
        }
    }

    private Map<String, TreeMap<Short, Integer>> checkAll(Path file) throws Exception {
        Map<String, TreeMap<Short, Integer>> seen = new TreeMap<>();
        int count = 0;
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            while (true) {
                String name;
                try {
                    name = in.readUTF();
                } catch (EOFException end) {
                    break;
                }
                short version = in.readShort();
                byte[] bytes = in.readNBytes(in.readInt());
                check(name, version, bytes);
                seen.computeIfAbsent(name, ignored -> new TreeMap<>()).merge(version, 1, Integer::sum);
                ++count;
            }
        }
        System.out.println(count + " messages of weir's read and written by Kafka");
        return seen;
    }

    private void check(String name, short version, byte[] bytes) {
        try {
            byte[] again = recoded(name, version, ByteBuffer.wrap(bytes));
            if (!Arrays.equals(bytes, again)) {
                HexFormat hex = HexFormat.of();
                fail(name, version, "\n  weir  " + hex.formatHex(bytes) + "\n  Kafka " + hex.formatHex(again));
            }
        } catch (Throwable thrown) {
            fail(name, version, thrown + "\n  weir  " + HexFormat.of().formatHex(bytes));
        }
    }

    private void fail(String name, short version, String what) {
        if (++failures <= FAILURES_SHOWN) System.out.println(name + " v" + version + ": " + what);
    }

    private Message message(String name) throws ReflectiveOperationException {
        Class<?> found = classes.get(name);
        if (found == null) throw new ClassNotFoundException(name);
        return (Message) found.getConstructor().newInstance();
    }

    private byte[] recoded(String name, short version, ByteBuffer bytes) throws ReflectiveOperationException {
        Message message = message(name);
        message.read(new ByteBufferAccessor(bytes), version);
        if (bytes.hasRemaining()) throw new IllegalStateException(bytes.remaining() + " bytes are left");
        ByteBuffer again = MessageUtil.toByteBufferAccessor(message, version).buffer();
        byte[] array = new byte[again.remaining()];
        again.get(array);
        return array;
    }

    private void makeAll(Map<String, TreeMap<Short, Integer>> seen, Path file) throws Exception {
        int count = 0;
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
            for (String name : seen.keySet()) {
                Schema[] schemas = (Schema[]) classes.get(name).getField("SCHEMAS").get(null);
                Message message = message(name);
                short last = message.highestSupportedVersion();
                for (short version = message.lowestSupportedVersion(); version <= last; ++version) {
                    if (!seen.get(name).containsKey(version)) fail(name, version, "weir has no such version");
                    for (int i = 0; i < MADE_PER_VERSION; ++i, ++count) make(name, version, schemas[version], out);
                }
                if (seen.get(name).lastKey() > last) fail(name, seen.get(name).lastKey(), "Kafka has no such version");
            }
        }
        System.out.println(count + " messages made by Kafka");
    }

    /** The schemas are Kafka's older way to write; the message's class reads that and writes the true form. */
    private void make(String name, short version, Schema schema, DataOutputStream out) throws IOException {
        try {
            Struct struct = struct(schema, 0);
            ByteBuffer buffer = ByteBuffer.allocate(struct.sizeOf());
            struct.writeTo(buffer);
            byte[] bytes = recoded(name, version, buffer.flip());
            out.writeUTF(name);
            out.writeShort(version);
            out.writeInt(bytes.length);
            out.write(bytes);
        } catch (ReflectiveOperationException | RuntimeException thrown) {
            fail(name, version, "cannot be made: " + thrown);
        }
    }

    private Struct struct(Schema schema, int depth) {
        Struct struct = new Struct(schema);
        for (BoundField field : schema.fields()) struct.set(field, value(field.def.type, depth));
        return struct;
    }

    private Object value(Type type, int depth) {
        if (type instanceof TaggedFields tagged) return tags(tagged, depth);
        boolean isArray = type.arrayElementType().isPresent();
        // A null struct in a tagged field is written in another way by the schemas than by the classes: none is made.
        boolean mayBeNull = type.isNullable() && !(type instanceof NullableSchema && depth < 0);
        if (mayBeNull && random.nextInt(4) == 0) return null;
        int below = Math.abs(depth) + 1;
        if (isArray) {
            Object[] values = new Object[random.nextInt(below > 3 ? 2 : 4)];
            Arrays.setAll(values, i -> value(((Type) type.arrayElementType().get()), below));
            return values;
        }
        if (type instanceof Schema schema) return struct(schema, below);
        if (type == Type.BOOLEAN) return random.nextBoolean();
        if (type == Type.INT8) return (byte) number();
        if (type == Type.INT16) return (short) number();
        if (type == Type.UINT16) return (int) (number() & 0xffff);
        if (type == Type.INT32) return (int) number();
        if (type == Type.UNSIGNED_INT32) return number() & 0xffffffffL;
        if (type == Type.INT64) return number();
        if (type == Type.FLOAT64) return random.nextGaussian() * 1e6;
        if (type == Type.UUID) return new Uuid(random.nextLong(), number());
        if (type == Type.STRING || type == Type.COMPACT_STRING || type == Type.NULLABLE_STRING
            || type == Type.COMPACT_NULLABLE_STRING) return TEXTS[random.nextInt(TEXTS.length)];
        if (type == Type.RECORDS || type == Type.COMPACT_RECORDS || type == Type.NULLABLE_RECORDS
            || type == Type.COMPACT_NULLABLE_RECORDS) return MemoryRecords.readableRecords(bytes());
        if (type == Type.BYTES || type == Type.COMPACT_BYTES || type == Type.NULLABLE_BYTES
            || type == Type.COMPACT_NULLABLE_BYTES) return bytes();
        throw new IllegalArgumentException("type " + type);
    }

    private TreeMap<Integer, Object> tags(TaggedFields tagged, int depth) {
        TreeMap<Integer, Object> values = new TreeMap<>();
        for (Map.Entry<Integer, Field> field : tagged.fields().entrySet()) {
            if (random.nextInt(3) > 0) values.put(field.getKey(), value(field.getValue().type, -Math.abs(depth) - 1));
        }
        return values;
    }

    private ByteBuffer bytes() {
        byte[] bytes = new byte[random.nextInt(5) == 0 ? 300 : random.nextInt(10)];
        random.nextBytes(bytes);
        return ByteBuffer.wrap(bytes);
    }

    private long number() {
        return switch (random.nextInt(5)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> random.nextInt(200);
            case 3 -> random.nextLong() >> random.nextInt(64);
            default -> random.nextLong();
        };
    }
}
