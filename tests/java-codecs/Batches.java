import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;

/**
 * Kafka's side of the comparison of record batches. Opens each batch of a file with Kafka's own classes, which must find
 * the records of the uncompressed batch beside it; then compresses the same records itself, for weir to open.
 *
 * A file is a row of entries: codec (as Java writes UTF), int16 level, and twice an int32 size with bytes: the batch
 * without compression and the batch with it.
 */
public final class Batches {
    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 2) {
            System.err.println("usage: Batches IN OUT");
            System.exit(2);
        }
        int count = 0;
        int failures = 0;
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(Path.of(arguments[0]))));
             DataOutputStream out = new DataOutputStream(
                 new BufferedOutputStream(Files.newOutputStream(Path.of(arguments[1]))))) {
            while (true) {
                String codec;
                try {
                    codec = in.readUTF();
                } catch (EOFException end) {
                    break;
                }
                short level = in.readShort();
                ByteBuffer plain = ByteBuffer.wrap(in.readNBytes(in.readInt()));
                ByteBuffer packed = ByteBuffer.wrap(in.readNBytes(in.readInt()));
                ++count;
                try {
                    if (!rebuilt(packed, Compression.NONE).equals(plain)) {
                        throw new IllegalStateException("other records came out");
                    }
                } catch (RuntimeException thrown) {
                    ++failures;
                    System.out.println(codec + " level " + level + ": " + thrown);
                }
                out.writeUTF(codec);
                out.writeShort(level);
                write(out, plain);
                write(out, rebuilt(plain, compression(codec, level)));
            }
        }
        System.out.println(count + " batches of weir's read by Kafka, " + failures + " differ");
        System.exit(count > 0 && failures == 0 ? 0 : 1);
    }

    private static Compression compression(String codec, short level) {
        return switch (codec) {
            case "gzip" -> Compression.gzip().level(level).build();
            case "lz4" -> Compression.lz4().level(level).build();
            case "zstd" -> Compression.zstd().level(level).build();
            default -> Compression.of(codec).build();
        };
    }

    /** A batch of the same records as `batch`, compressed in another way. */
    private static ByteBuffer rebuilt(ByteBuffer batch, Compression compression) {
        MemoryRecords records = MemoryRecords.readableRecords(batch.duplicate());
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1 << 20), compression,
            TimestampType.CREATE_TIME, 0L);
        for (MutableRecordBatch each : records.batches()) {
            each.ensureValid();
            for (Record record : each) {
                record.ensureValid();
                builder.append(record.timestamp(), record.key(), record.value(), record.headers());
            }
        }
        return builder.build().buffer();
    }

    private static void write(DataOutputStream out, ByteBuffer bytes) throws Exception {
        out.writeInt(bytes.remaining());
        out.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
    }
}
