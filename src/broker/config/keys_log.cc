// Settings of logs: the defaults of topics.
#include "broker/config/config_key.h"
#include "broker/config/notes.h"

namespace weir::broker::tables {
namespace {

using enum ConfigType;
using enum Importance;
using enum Update;
using enum Support;

constexpr ConfigKey kLogKeysTable[] = {
    {"compression.gzip.level", kInt, "-1", between_or_minus_one(1, 9), kMedium, kClusterWide, kWorks,
     "The level of gzip where the node itself compresses."},
    {"compression.lz4.level", kInt, "9", between(1, 17), kMedium, kClusterWide, kWorks,
     "The level of lz4 where the node itself compresses."},
    {"compression.type", kString, "producer", one_of("uncompressed, zstd, lz4, snappy, gzip, producer"), kHigh,
     kClusterWide, kWorks, "How batches are stored: as the producer sent them, or recompressed to this codec."},
    {"compression.zstd.level", kInt, "3", between(-131072, 22), kMedium, kClusterWide, kWorks,
     "The level of zstd where the node itself compresses."},
    {"log.cleaner.backoff.ms", kLong, "15000", at_least(0), kMedium, kClusterWide, kWorks,
     "How long the cleaner waits when no log is dirty enough."},
    {"log.cleaner.dedupe.buffer.size", kLong, "134217728", any_value(), kMedium, kClusterWide, kWorks,
     "The most memory for the keys of the logs that are compacted at one time, shared by log.cleaner.threads; taken "
     "only as far as needed."},
    {"log.cleaner.delete.retention.ms", kLong, "86400000", at_least(0), kMedium, kClusterWide, kWorks,
     "How long a tombstone and the marker of a transaction stay after their first compaction."},
    {"log.cleaner.enable", kBoolean, "true", any_value(), kMedium, kReadOnly, kWorks,
     "Whether logs are compacted at all."},
    {"log.cleaner.io.buffer.load.factor", kDouble, "0.9", any_value(), kMedium, kClusterWide, kWorks,
     "The share of log.cleaner.dedupe.buffer.size that is filled; the fuller, the more keys in a round and the longer "
     "the search for one."},
    {"log.cleaner.io.buffer.size", kInt, "524288", at_least(0), kMedium, kClusterWide, kWorks,
     "Memory for what the cleaner reads and writes, shared by log.cleaner.threads."},
    {"log.cleaner.io.max.bytes.per.second", kDouble, "1.7976931348623157E308", any_value(), kMedium, kClusterWide,
     kWorks, "Bytes a second that the cleaner reads and writes, at the most."},
    {"log.cleaner.max.compaction.lag.ms", kLong, "9223372036854775807", at_least(1), kMedium, kClusterWide, kWorks,
     "The age at which a record is compacted even if the log is not dirty enough."},
    {"log.cleaner.min.cleanable.ratio", kDouble, "0.5", between(0, 1), kMedium, kClusterWide, kWorks,
     "The share of a log that must not have been compacted yet before it is."},
    {"log.cleaner.min.compaction.lag.ms", kLong, "0", at_least(0), kMedium, kClusterWide, kWorks,
     "The age below which a record is not compacted."},
    {"log.cleaner.threads", kInt, "1", at_least(0), kMedium, kClusterWide, kWorks,
     "The logs that are compacted at the same time, on the disk threads; 0: none."},
    {"log.cleanup.policy", kList, "delete", one_of("compact, delete"), kMedium, kClusterWide, kWorks,
     "What happens to old segments: delete, compact, or both."},
    {"log.dir", kList, "/tmp/kafka-logs", any_value(), kHigh, kReadOnly, kWorks,
     "The data directory, where log.dirs is not set."},
    {"log.dir.failure.timeout.ms", kLong, "30000", at_least(1), kLow, kReadOnly, kWorks,
     "A node that cannot tell the controller for so long that a directory failed ends itself."},
    {"log.dirs", kList, nullptr, any_value(), kHigh, kReadOnly, kWorks, "The data directories, separated by commas."},
    {"log.flush.interval.messages", kLong, "9223372036854775807", at_least(1), kHigh, kClusterWide, kWorks,
     "Records appended before a log is synced to the disk; 1: before every acknowledgement."},
    {"log.flush.interval.ms", kLong, nullptr, any_value(), kHigh, kClusterWide, kWorks,
     "Time after which appended records are synced to the disk."},
    {"log.flush.offset.checkpoint.interval.ms", kInt, "60000", at_least(0), kHigh, kReadOnly, kWorks,
     "How often the recovery points are written down."},
    {"log.flush.scheduler.interval.ms", kLong, "9223372036854775807", any_value(), kHigh, kReadOnly, kWorks,
     "Stands for log.flush.interval.ms where that is not set."},
    {"log.flush.start.offset.checkpoint.interval.ms", kInt, "60000", at_least(0), kHigh, kReadOnly, kWorks,
     "How often the log start offsets are written down."},
    {"log.index.interval.bytes", kInt, "4096", at_least(0), kMedium, kClusterWide, kWorks,
     "Bytes of records between two index entries."},
    {"log.index.size.max.bytes", kInt, "10485760", at_least(4), kMedium, kClusterWide, kWorks,
     "The largest offset index of a segment."},
    {"log.initial.task.delay.ms", kLong, "30000", at_least(0), kLow, kReadOnly, kNoMeaning,
     "The first pass over the logs comes one interval after the start.", true},
    {"log.message.timestamp.after.max.ms", kLong, "3600000", at_least(0), kMedium, kClusterWide, kWorks,
     "How far ahead of the node's clock a record's time may be."},
    {"log.message.timestamp.before.max.ms", kLong, "9223372036854775807", at_least(0), kMedium, kClusterWide, kWorks,
     "How far behind the node's clock a record's time may be."},
    {"log.message.timestamp.type", kString, "CreateTime", one_of("CreateTime, LogAppendTime"), kMedium, kClusterWide,
     kWorks, "Whether a record's time is the producer's (CreateTime) or that of the append (LogAppendTime)."},
    {"log.preallocate", kBoolean, "false", any_value(), kMedium, kClusterWide, kWorks,
     "Whether room for a whole segment is taken when it is made. What is not used is given back."},
    {"log.retention.bytes", kLong, "-1", any_value(), kHigh, kClusterWide, kWorks,
     "The size of a partition over which its oldest segments are deleted; -1: no limit."},
    {"log.retention.check.interval.ms", kLong, "300000", at_least(1), kMedium, kReadOnly, kWorks,
     "How often segments are looked at for deletion."},
    {"log.retention.hours", kInt, "168", any_value(), kHigh, kReadOnly, kWorks,
     "log.retention.ms in hours, where neither that nor the minutes are set."},
    {"log.retention.minutes", kInt, nullptr, any_value(), kHigh, kReadOnly, kWorks,
     "log.retention.ms in minutes, where that is not set."},
    {"log.retention.ms", kLong, nullptr, any_value(), kHigh, kClusterWide, kWorks,
     "The age after which a segment is deleted; -1: never."},
    {"log.roll.hours", kInt, "168", at_least(1), kHigh, kReadOnly, kWorks,
     "log.roll.ms in hours, where that is not set."},
    {"log.roll.jitter.hours", kInt, "0", at_least(0), kHigh, kReadOnly, kWorks,
     "log.roll.jitter.ms in hours, where that is not set."},
    {"log.roll.jitter.ms", kLong, nullptr, any_value(), kHigh, kClusterWide, kWorks,
     "The most that log.roll.ms is shortened by chance, so that not all logs roll at once."},
    {"log.roll.ms", kLong, nullptr, any_value(), kHigh, kClusterWide, kWorks,
     "The time span of records after which a new segment begins."},
    {"log.segment.bytes", kInt, "1073741824", at_least(1048576), kHigh, kClusterWide, kWorks,
     "The size at which a new segment begins."},
    {"log.segment.delete.delay.ms", kLong, "60000", at_least(0), kHigh, kClusterWide, kWorks,
     "How long a deleted segment's files stay before they are removed."},
    {"message.max.bytes", kInt, "1048588", at_least(0), kHigh, kClusterWide, kWorks,
     "The largest batch that is taken, as it arrives."},
    {"min.insync.replicas", kInt, "1", at_least(1), kHigh, kClusterWide, kWorks,
     "The replicas that must have a record before acks=all is answered."},
    {"num.recovery.threads.per.data.dir", kInt, "2", at_least(1), kHigh, kClusterWide, kNoMeaning,
     "Logs are recovered on the disk threads (weir.disk.threads)."},
};

}  // namespace

const std::span<const ConfigKey> kLogKeys = kLogKeysTable;

}  // namespace weir::broker::tables
