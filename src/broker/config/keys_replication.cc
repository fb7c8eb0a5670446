// Settings of replicas and leaders.
#include "broker/config/config_key.h"
#include "broker/config/notes.h"

namespace weir::broker::tables {
namespace {

using enum ConfigType;
using enum Importance;
using enum Update;
using enum Support;

constexpr std::string_view kPaced = "Copies between directories are paced from one to the next; there are no windows.";

constexpr std::string_view kPacedFetches =
    "Throttled replicas are paced from one answer to the next; there are no windows.";

constexpr ConfigKey kReplicationKeysTable[] = {
    {"alter.log.dirs.replication.quota.window.num", kInt, "11", at_least(1), kLow, kReadOnly, kNoMeaning, kPaced},
    {"alter.log.dirs.replication.quota.window.size.seconds", kInt, "1", at_least(1), kLow, kReadOnly, kNoMeaning,
     kPaced},
    {"auto.leader.rebalance.enable", kBoolean, "true", any_value(), kHigh, kReadOnly, kWorks,
     "The controller gives partitions back to their preferred leaders, the first of their replicas, by itself."},
    {"cordoned.log.dirs", kList, "", any_value(), kMedium, kPerBroker, kWorks,
     "Directories that take no new replicas; * for all of log.dirs."},
    {"default.replication.factor", kInt, "1", any_value(), kMedium, kReadOnly, kWorks,
     "The replicas of a topic that is created without saying how many, and of automatic ones."},
    {"follower.replication.throttled.rate", kLong, "9223372036854775807", at_least(0), kMedium, kDynamicOnly, kWorks,
     "Bytes a second that this broker fetches of the replicas in follower.replication.throttled.replicas, all "
     "together, "
     "while they are behind."},
    {"leader.imbalance.check.interval.seconds", kLong, "300", at_least(1), kHigh, kReadOnly, kWorks,
     "How often it does that."},
    {"leader.replication.throttled.rate", kLong, "9223372036854775807", at_least(0), kMedium, kDynamicOnly, kWorks,
     "Bytes a second that this broker sends to replicas of the partitions in leader.replication.throttled.replicas, "
     "all "
     "together; those in sync are not held back."},
    {"num.replica.alter.log.dirs.threads", kInt, nullptr, any_value(), kHigh, kReadOnly, kNoMeaning,
     "Moves between directories run on the disk threads."},
    {"num.replica.fetchers", kInt, "1", at_least(1), kHigh, kClusterWide, kNoMeaning, kThreads},
    {"replica.alter.log.dirs.io.max.bytes.per.second", kLong, "9223372036854775807", at_least(0), kMedium, kDynamicOnly,
     kWorks, "How fast replicas are copied to other log directories of this node, all together."},
    {"replica.fetch.backoff.ms", kInt, "1000", at_least(0), kMedium, kReadOnly, kWorks,
     "How long a follower waits after a fetch that failed."},
    {"replica.fetch.max.bytes", kInt, "1048576", at_least(0), kMedium, kReadOnly, kWorks,
     "How much of one partition a follower fetches at once; a batch that is larger is fetched whole."},
    {"replica.fetch.min.bytes", kInt, "1", any_value(), kHigh, kReadOnly, kWorks,
     "How much there must be before a follower's fetch is answered."},
    {"replica.fetch.response.max.bytes", kInt, "10485760", at_least(0), kMedium, kReadOnly, kWorks,
     "How much a follower fetches at once."},
    {"replica.fetch.wait.max.ms", kInt, "500", any_value(), kHigh, kReadOnly, kWorks,
     "How long a follower's fetch waits for that."},
    {"replica.high.watermark.checkpoint.interval.ms", kLong, "5000", any_value(), kHigh, kReadOnly, kWorks,
     "How often the high watermarks are written down."},
    {"replica.lag.time.max.ms", kLong, "30000", any_value(), kHigh, kReadOnly, kWorks,
     "A follower that has not had all records for so long leaves the ISR."},
    {"replica.selector.class", kString, nullptr, any_value(), kMedium, kReadOnly, kWorks,
     "With org.apache.kafka.common.replica.RackAwareReplicaSelector a consumer that says client.rack is sent to a "
     "replica "
     "in its rack. Other classes are not run: consumers read from the leader."},
    {"replica.socket.receive.buffer.bytes", kInt, "65536", any_value(), kHigh, kReadOnly, kNotBuilt, kReplication},
    {"replica.socket.timeout.ms", kInt, "30000", any_value(), kHigh, kReadOnly, kWorks,
     "How long a leader may take to answer a follower."},
    {"replication.quota.window.num", kInt, "11", at_least(1), kLow, kReadOnly, kNoMeaning, kPacedFetches},
    {"replication.quota.window.size.seconds", kInt, "1", at_least(1), kLow, kReadOnly, kNoMeaning, kPacedFetches},
    {"unclean.leader.election.enable", kBoolean, "false", any_value(), kHigh, kClusterWide, kWorks,
     "Whether a replica that may lack records becomes the leader when there is no other."},
    {"unclean.leader.election.interval.ms", kLong, "300000", at_least(1), kMedium, kReadOnly, kNotBuilt, kReplication,
     true},
};

}  // namespace

const std::span<const ConfigKey> kReplicationKeys = kReplicationKeysTable;

}  // namespace weir::broker::tables
