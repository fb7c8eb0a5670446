// LogConfig: the settings of a topic that its logs need, typed. A plain value; any thread. Defaults are Kafka's.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "protocol/compression.h"

namespace weir::storage {

struct LogConfig {
  // cleanup.policy: both, one or none of them.
  bool deletes_old_segments = true;
  bool compacts = false;

  // compression.type: the codec that batches are brought to; none given ("producer") leaves them as they come.
  std::optional<protocol::Compression> compression;
  std::optional<int> compression_level;

  bool is_log_append_time = false;  // message.timestamp.type
  milliseconds timestamp_before_max = milliseconds::max();
  milliseconds timestamp_after_max = milliseconds(3'600'000);
  int32_t batch_size_max = 1'048'588;  // max.message.bytes: of a client's batch, header included

  int32_t segment_size_max = 1 << 30;  // segment.bytes
  milliseconds segment_time_max =
      milliseconds(604'800'000);      // segment.ms, the partition's share of segment.jitter.ms taken off
  int32_t index_size_max = 10 << 20;  // segment.index.bytes
  int32_t index_interval = 4096;      // index.interval.bytes
  bool preallocate = false;           // room for the whole segment is taken when it is made

  int64_t flush_records = INT64_MAX;              // flush.messages: appended records after which a flush is wanted
  milliseconds flush_time = milliseconds::max();  // flush.ms

  int64_t retention_bytes = -1;                             // -1: no limit
  milliseconds retention_time = milliseconds(604'800'000);  // retention.ms; negative: no limit
  milliseconds file_delete_delay = milliseconds(60'000);

  // Of a log that compacts.
  double cleanable_ratio_min = 0.5;                               // min.cleanable.dirty.ratio
  milliseconds compaction_lag_min = milliseconds(0);              // min.compaction.lag.ms
  milliseconds compaction_lag_max = milliseconds::max();          // max.compaction.lag.ms
  milliseconds delete_retention_time = milliseconds(86'400'000);  // delete.retention.ms

  milliseconds producer_id_expiration = milliseconds(86'400'000);  // producer.id.expiration.ms

  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

}  // namespace weir::storage
