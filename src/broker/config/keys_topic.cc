// Settings of a topic, and the settings of the broker that supply their defaults.
#include "broker/config/config_key.h"
#include "broker/config/notes.h"

namespace weir::broker::tables {
namespace {

using enum ConfigType;
using enum Importance;
using enum Update;
using enum Support;

constexpr ConfigKey kTopicKeysTable[] = {
    {"cleanup.policy", kList, "delete", one_of("compact, delete"), kMedium, kResource, kWorks,
     "What happens to old segments: delete, compact, or both."},
    {"compression.gzip.level", kInt, "-1", between_or_minus_one(1, 9), kMedium, kResource, kWorks,
     "The level of gzip where the node itself compresses."},
    {"compression.lz4.level", kInt, "9", between(1, 17), kMedium, kResource, kWorks,
     "The level of lz4 where the node itself compresses."},
    {"compression.type", kString, "producer", one_of("uncompressed, zstd, lz4, snappy, gzip, producer"), kMedium,
     kResource, kWorks, "How batches are stored: as the producer sent them, or recompressed to this codec."},
    {"compression.zstd.level", kInt, "3", between(-131072, 22), kMedium, kResource, kWorks,
     "The level of zstd where the node itself compresses."},
    {"delete.retention.ms", kLong, "86400000", at_least(0), kMedium, kResource, kWorks,
     "How long a tombstone and the marker of a transaction stay after their first compaction."},
    {"file.delete.delay.ms", kLong, "60000", at_least(0), kMedium, kResource, kWorks,
     "How long a deleted segment's files stay before they are removed."},
    {"flush.messages", kLong, "9223372036854775807", at_least(1), kMedium, kResource, kWorks,
     "Records appended before the log is synced to the disk; 1: before every acknowledgement."},
    {"flush.ms", kLong, "9223372036854775807", at_least(0), kMedium, kResource, kWorks,
     "Time after which appended records are synced to the disk."},
    {"follower.replication.throttled.replicas", kList, "", throttled_replicas(), kMedium, kResource, kWorks,
     "The replicas, as partition:broker,..., or * for all, that follower.replication.throttled.rate limits."},
    {"index.interval.bytes", kInt, "4096", at_least(0), kMedium, kResource, kWorks,
     "Bytes of records between two index entries."},
    {"internal.segment.bytes", kInt, nullptr, any_value(), kMedium, kResource, kWorks,
     "segment.bytes without its lower limit, for tests.", true},
    {"leader.replication.throttled.replicas", kList, "", throttled_replicas(), kMedium, kResource, kWorks,
     "The replicas, as partition:broker,..., or * for all, that leader.replication.throttled.rate limits when they "
     "lead."},
    {"local.retention.bytes", kLong, "-2", at_least(-2), kMedium, kResource, kNotBuilt, kTiered},
    {"local.retention.ms", kLong, "-2", at_least(-2), kMedium, kResource, kNotBuilt, kTiered},
    {"max.compaction.lag.ms", kLong, "9223372036854775807", at_least(1), kMedium, kResource, kWorks,
     "The age at which a record is compacted even if the log is not dirty enough; segments are closed by then too."},
    {"max.message.bytes", kInt, "1048588", at_least(0), kMedium, kResource, kWorks,
     "The largest batch that is taken, as it arrives."},
    {"message.timestamp.after.max.ms", kLong, "3600000", at_least(0), kMedium, kResource, kWorks,
     "How far ahead of the node's clock a record's time may be."},
    {"message.timestamp.before.max.ms", kLong, "9223372036854775807", at_least(0), kMedium, kResource, kWorks,
     "How far behind the node's clock a record's time may be."},
    {"message.timestamp.type", kString, "CreateTime", one_of("CreateTime, LogAppendTime"), kMedium, kResource, kWorks,
     "Whether a record's time is the producer's (CreateTime) or that of the append (LogAppendTime)."},
    {"min.cleanable.dirty.ratio", kDouble, "0.5", between(0, 1), kMedium, kResource, kWorks,
     "The share of a log that must not have been compacted yet before it is."},
    {"min.compaction.lag.ms", kLong, "0", at_least(0), kMedium, kResource, kWorks,
     "The age below which a record is not compacted."},
    {"min.insync.replicas", kInt, "1", at_least(1), kMedium, kResource, kWorks,
     "The replicas that must have a record before acks=all is answered."},
    {"preallocate", kBoolean, "false", any_value(), kMedium, kResource, kWorks,
     "Whether room for a whole segment is taken when it is made. What is not used is given back."},
    {"remote.log.copy.disable", kBoolean, "false", any_value(), kMedium, kResource, kNotBuilt, kTiered},
    {"remote.log.delete.on.disable", kBoolean, "false", any_value(), kMedium, kResource, kNotBuilt, kTiered},
    {"remote.storage.enable", kBoolean, "false", any_value(), kMedium, kResource, kNotBuilt, kTiered},
    {"retention.bytes", kLong, "-1", any_value(), kMedium, kResource, kWorks,
     "The size of the partition over which its oldest segments are deleted; -1: no limit."},
    {"retention.ms", kLong, "604800000", at_least(-1), kMedium, kResource, kWorks,
     "The age after which a segment is deleted; -1: never."},
    {"segment.bytes", kInt, "1073741824", at_least(1048576), kMedium, kResource, kWorks,
     "The size at which a new segment begins."},
    {"segment.index.bytes", kInt, "10485760", at_least(4), kMedium, kResource, kWorks,
     "The largest offset index of a segment."},
    {"segment.jitter.ms", kLong, "0", at_least(0), kMedium, kResource, kWorks,
     "The most that segment.ms is shortened by chance, so that not all logs roll at once."},
    {"segment.ms", kLong, "604800000", at_least(1), kMedium, kResource, kWorks,
     "The time span of records after which a new segment begins."},
    {"unclean.leader.election.enable", kBoolean, "false", any_value(), kMedium, kResource, kWorks,
     "Whether a replica that may lack records becomes the leader when there is no other."},
};

}  // namespace

const std::span<const ConfigKey> kTopicKeys = kTopicKeysTable;

}  // namespace weir::broker::tables
