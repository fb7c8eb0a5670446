#include "broker/config/topic_config.h"

#include "base/check.h"

namespace weir::broker {
namespace {

class Values {
 public:
  Values(const ConfigMap& overrides, const BrokerLayers& layers) : overrides_(overrides), layers_(layers) {}

  [[nodiscard]] std::optional<std::string> find(std::string_view name) const {
    const ConfigKey* key = find_config_key(ConfigSection::kTopic, name);
    CHECK(key != nullptr, "topic setting {}", name);
    return resource_value(ConfigSection::kTopic, overrides_, layers_, *key);
  }

  [[nodiscard]] std::string text(std::string_view name) const {
    auto value = find(name);
    CHECK(value.has_value(), "topic setting {} has no default", name);
    return *std::move(value);
  }

  template <class Int>
  void read(std::string_view name, Int& into) const {
    const auto number = parse_integer(text(name), std::numeric_limits<Int>::min(), std::numeric_limits<Int>::max());
    // A broker's setting may be wider than the topic's; what does not fit leaves the default.
    if (number) into = static_cast<Int>(*number);
  }
  void read(std::string_view name, bool& into) const { into = parse_boolean(text(name)).value_or(into); }
  void read(std::string_view name, double& into) const { into = parse_double(text(name)).value_or(into); }

 private:
  const ConfigMap& overrides_;
  const BrokerLayers& layers_;
};

TopicCompression compression_of(std::string_view name) {
  if (name == "uncompressed") return TopicCompression::kNone;
  if (name == "gzip") return TopicCompression::kGzip;
  if (name == "snappy") return TopicCompression::kSnappy;
  if (name == "lz4") return TopicCompression::kLz4;
  if (name == "zstd") return TopicCompression::kZstd;
  return TopicCompression::kProducer;
}

}  // namespace

TopicConfig resolve_topic_config(const ConfigMap& overrides, const BrokerLayers& layers) {
  const Values values(overrides, layers);
  TopicConfig config;
  const auto policies = parse_list(values.text("cleanup.policy"));
  config.deletes_old_segments = contains(policies, "delete");
  config.compacts = contains(policies, "compact");
  config.compression = compression_of(values.text("compression.type"));
  config.message_timestamp_is_log_append_time = values.text("message.timestamp.type") == "LogAppendTime";
  values.read("compression.gzip.level", config.compression_gzip_level);
  values.read("compression.lz4.level", config.compression_lz4_level);
  values.read("compression.zstd.level", config.compression_zstd_level);
  values.read("delete.retention.ms", config.delete_retention_ms);
  values.read("file.delete.delay.ms", config.file_delete_delay_ms);
  values.read("flush.messages", config.flush_messages);
  values.read("flush.ms", config.flush_ms);
  config.follower_throttled_replicas = parse_list(values.text("follower.replication.throttled.replicas"));
  config.leader_throttled_replicas = parse_list(values.text("leader.replication.throttled.replicas"));
  values.read("index.interval.bytes", config.index_interval_bytes);
  values.read("max.compaction.lag.ms", config.max_compaction_lag_ms);
  values.read("max.message.bytes", config.max_message_bytes);
  values.read("message.timestamp.after.max.ms", config.message_timestamp_after_max_ms);
  values.read("message.timestamp.before.max.ms", config.message_timestamp_before_max_ms);
  values.read("min.cleanable.dirty.ratio", config.min_cleanable_dirty_ratio);
  values.read("min.compaction.lag.ms", config.min_compaction_lag_ms);
  values.read("min.insync.replicas", config.min_insync_replicas);
  values.read("preallocate", config.preallocate);
  values.read("retention.bytes", config.retention_bytes);
  values.read("retention.ms", config.retention_ms);
  values.read("segment.bytes", config.segment_bytes);
  values.read("segment.index.bytes", config.segment_index_bytes);
  values.read("segment.jitter.ms", config.segment_jitter_ms);
  values.read("segment.ms", config.segment_ms);
  // internal.segment.bytes is segment.bytes without its lower limit.
  if (values.find("internal.segment.bytes")) values.read("internal.segment.bytes", config.segment_bytes);
  return config;
}

}  // namespace weir::broker
