#include "broker/log_settings.h"

#include <algorithm>

namespace weir::broker {
namespace {

// Kafka's "never" is the greatest number of milliseconds; it must not overflow when a time is added to it.
milliseconds clamped(int64_t ms) {
  constexpr int64_t kHundredYearsMs = int64_t{100} * 365 * 24 * 3600 * 1000;
  return ms > kHundredYearsMs ? milliseconds::max() : milliseconds(ms);
}

std::optional<protocol::Compression> codec_of(TopicCompression compression) {
  switch (compression) {
    case TopicCompression::kProducer:
      return std::nullopt;
    case TopicCompression::kNone:
      return protocol::Compression::kNone;
    case TopicCompression::kGzip:
      return protocol::Compression::kGzip;
    case TopicCompression::kSnappy:
      return protocol::Compression::kSnappy;
    case TopicCompression::kLz4:
      return protocol::Compression::kLz4;
    case TopicCompression::kZstd:
      return protocol::Compression::kZstd;
  }
  return std::nullopt;
}

std::optional<int> level_of(const TopicConfig& topic) {
  switch (topic.compression) {
    case TopicCompression::kGzip:
      // -1 is the codec's usual level; held within 1 to 9 it would become the weakest.
      return topic.compression_gzip_level < 0 ? std::nullopt : std::optional<int>(topic.compression_gzip_level);
    case TopicCompression::kLz4:
      return topic.compression_lz4_level;
    case TopicCompression::kZstd:
      return topic.compression_zstd_level;
    default:
      return std::nullopt;
  }
}

// A segment must be closed before it can be compacted, so one that is compacted soon is closed soon.
int64_t segment_ms_of(const TopicConfig& topic) {
  return topic.compacts ? std::min(topic.segment_ms, topic.max_compaction_lag_ms) : topic.segment_ms;
}

}  // namespace

storage::LogConfig to_log_config(const TopicConfig& topic, int64_t producer_id_expiration_ms, double jitter_share) {
  const int64_t segment_ms = segment_ms_of(topic);
  const auto jitter =
      static_cast<int64_t>(jitter_share * static_cast<double>(std::min(topic.segment_jitter_ms, segment_ms)));
  return {.deletes_old_segments = topic.deletes_old_segments,
          .compacts = topic.compacts,
          .compression = codec_of(topic.compression),
          .compression_level = level_of(topic),
          .is_log_append_time = topic.message_timestamp_is_log_append_time,
          .timestamp_before_max = clamped(topic.message_timestamp_before_max_ms),
          .timestamp_after_max = clamped(topic.message_timestamp_after_max_ms),
          .batch_size_max = topic.max_message_bytes,
          .segment_size_max = topic.segment_bytes,
          .segment_time_max = clamped(segment_ms - jitter),
          .index_size_max = topic.segment_index_bytes,
          .index_interval = topic.index_interval_bytes,
          .preallocate = topic.preallocate,
          .flush_records = topic.flush_messages,
          .flush_time = clamped(topic.flush_ms),
          .retention_bytes = topic.retention_bytes,
          .retention_time = clamped(topic.retention_ms),
          .file_delete_delay = clamped(topic.file_delete_delay_ms),
          .cleanable_ratio_min = topic.min_cleanable_dirty_ratio,
          .compaction_lag_min = clamped(topic.min_compaction_lag_ms),
          .compaction_lag_max = clamped(topic.max_compaction_lag_ms),
          .delete_retention_time = clamped(topic.delete_retention_ms),
          .producer_id_expiration = clamped(producer_id_expiration_ms)};
}

}  // namespace weir::broker
