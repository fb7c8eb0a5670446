// Settings of tiered storage.
#include "broker/config/config_key.h"
#include "broker/config/notes.h"

namespace weir::broker::tables {
namespace {

using enum ConfigType;
using enum Importance;
using enum Update;
using enum Support;

constexpr ConfigKey kTieredKeysTable[] = {
    {"follower.fetch.last.tiered.offset.enable", kBoolean, "false", any_value(), kMedium, kClusterWide, kNotBuilt,
     kTiered},
    {"log.local.retention.bytes", kLong, "-2", at_least(-2), kMedium, kClusterWide, kNotBuilt, kTiered},
    {"log.local.retention.ms", kLong, "-2", at_least(-2), kMedium, kClusterWide, kNotBuilt, kTiered},
    {"remote.fetch.max.wait.ms", kInt, "500", at_least(1), kMedium, kClusterWide, kNotBuilt, kTiered},
    {"remote.list.offsets.request.timeout.ms", kLong, "30000", at_least(1), kMedium, kClusterWide, kNotBuilt, kTiered},
    {"remote.log.index.file.cache.total.size.bytes", kLong, "1073741824", at_least(1), kLow, kClusterWide, kNotBuilt,
     kTiered},
    {"remote.log.index.file.cache.ttl.ms", kLong, "900000", at_least(-1), kLow, kReadOnly, kNotBuilt, kTiered, true},
    {"remote.log.manager.copier.thread.pool.size", kInt, "10", at_least(1), kMedium, kClusterWide, kNotBuilt, kTiered},
    {"remote.log.manager.copy.max.bytes.per.second", kLong, "9223372036854775807", at_least(1), kMedium, kClusterWide,
     kNotBuilt, kTiered},
    {"remote.log.manager.copy.quota.window.num", kInt, "11", at_least(1), kMedium, kReadOnly, kNotBuilt, kTiered},
    {"remote.log.manager.copy.quota.window.size.seconds", kInt, "1", at_least(1), kMedium, kReadOnly, kNotBuilt,
     kTiered},
    {"remote.log.manager.expiration.thread.pool.size", kInt, "10", at_least(1), kMedium, kClusterWide, kNotBuilt,
     kTiered},
    {"remote.log.manager.fetch.max.bytes.per.second", kLong, "9223372036854775807", at_least(1), kMedium, kClusterWide,
     kNotBuilt, kTiered},
    {"remote.log.manager.fetch.quota.window.num", kInt, "11", at_least(1), kMedium, kReadOnly, kNotBuilt, kTiered},
    {"remote.log.manager.fetch.quota.window.size.seconds", kInt, "1", at_least(1), kMedium, kReadOnly, kNotBuilt,
     kTiered},
    {"remote.log.manager.follower.thread.pool.size", kInt, "2", at_least(1), kMedium, kClusterWide, kNotBuilt, kTiered},
    {"remote.log.manager.task.interval.ms", kLong, "30000", at_least(1), kLow, kReadOnly, kNotBuilt, kTiered},
    {"remote.log.manager.task.retry.backoff.max.ms", kLong, "30000", at_least(1), kLow, kReadOnly, kNotBuilt, kTiered,
     true},
    {"remote.log.manager.task.retry.backoff.ms", kLong, "500", at_least(1), kLow, kReadOnly, kNotBuilt, kTiered, true},
    {"remote.log.manager.task.retry.jitter", kDouble, "0.2", between(0, 0.5), kLow, kReadOnly, kNotBuilt, kTiered,
     true},
    {"remote.log.manager.thread.pool.size", kInt, "2", at_least(1), kMedium, kReadOnly, kNotBuilt, kTiered},
    {"remote.log.metadata.custom.metadata.max.bytes", kInt, "128", at_least(0), kLow, kReadOnly, kNotBuilt, kTiered},
    {"remote.log.metadata.manager.class.name", kString,
     "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", non_empty(), kMedium,
     kReadOnly, kNotBuilt, kTiered},
    {"remote.log.metadata.manager.class.path", kString, nullptr, any_value(), kMedium, kReadOnly, kNotBuilt, kTiered},
    {"remote.log.metadata.manager.impl.prefix", kString, "rlmm.config.", non_empty(), kMedium, kReadOnly, kNotBuilt,
     kTiered},
    {"remote.log.metadata.manager.listener.name", kString, nullptr, non_empty(), kMedium, kReadOnly, kNotBuilt,
     kTiered},
    {"remote.log.reader.max.pending.tasks", kInt, "100", at_least(1), kMedium, kReadOnly, kNotBuilt, kTiered},
    {"remote.log.reader.threads", kInt, "10", at_least(1), kMedium, kClusterWide, kNotBuilt, kTiered},
    {"remote.log.storage.manager.class.name", kString, nullptr, non_empty(), kMedium, kReadOnly, kNotBuilt, kTiered},
    {"remote.log.storage.manager.class.path", kString, nullptr, any_value(), kMedium, kReadOnly, kNotBuilt, kTiered},
    {"remote.log.storage.manager.impl.prefix", kString, "rsm.config.", non_empty(), kMedium, kReadOnly, kNotBuilt,
     kTiered},
    {"remote.log.storage.system.enable", kBoolean, "false", any_value(), kMedium, kReadOnly, kNotBuilt, kTiered},
};

}  // namespace

const std::span<const ConfigKey> kTieredKeys = kTieredKeysTable;

}  // namespace weir::broker::tables
