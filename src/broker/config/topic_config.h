// What a topic is configured to do, resolved and typed. A plain value, made anew when any layer changes; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/config/config_layers.h"

namespace weir::broker {

enum class TopicCompression : uint8_t { kProducer, kNone, kGzip, kSnappy, kLz4, kZstd };

// Defaults are Kafka's; resolve_topic_config fills every field. -1 stands for "no limit" where Kafka has it so.
struct TopicConfig {
  bool deletes_old_segments = true;  // cleanup.policy
  bool compacts = false;
  TopicCompression compression = TopicCompression::kProducer;
  int32_t compression_gzip_level = -1;
  int32_t compression_lz4_level = 9;
  int32_t compression_zstd_level = 3;
  int64_t delete_retention_ms = 86'400'000;
  int64_t file_delete_delay_ms = 60'000;
  int64_t flush_messages = INT64_MAX;
  int64_t flush_ms = INT64_MAX;
  std::vector<std::string> follower_throttled_replicas{};  // "partition:broker", or "*" alone
  int32_t index_interval_bytes = 4096;
  std::vector<std::string> leader_throttled_replicas{};
  int64_t max_compaction_lag_ms = INT64_MAX;
  int32_t max_message_bytes = 1'048'588;
  int64_t message_timestamp_after_max_ms = 3'600'000;
  int64_t message_timestamp_before_max_ms = INT64_MAX;
  bool message_timestamp_is_log_append_time = false;
  double min_cleanable_dirty_ratio = 0.5;
  int64_t min_compaction_lag_ms = 0;
  int32_t min_insync_replicas = 1;
  bool preallocate = false;
  int64_t retention_bytes = -1;
  int64_t retention_ms = 604'800'000;
  int32_t segment_bytes = 1 << 30;
  int32_t segment_index_bytes = 10 << 20;
  int64_t segment_jitter_ms = 0;
  int64_t segment_ms = 604'800'000;

  friend bool operator==(const TopicConfig&, const TopicConfig&) = default;
};

// Never fails: an override or a dynamic value that does not fit its key gives way to the next layer.
TopicConfig resolve_topic_config(const ConfigMap& overrides, const BrokerLayers& layers);

}  // namespace weir::broker
