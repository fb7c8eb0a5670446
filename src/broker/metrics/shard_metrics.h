// What a shard counts about its work. Written by its loop thread without locks; /metrics asks each shard for a copy.
#pragma once

#include <array>
#include <cstdint>

#include "broker/metrics/histogram.h"
#include "broker/quota/quota_key.h"
#include "protocol/api_key.h"

namespace weir::broker {

struct ShardMetrics {
  static constexpr size_t kApis = 93;

  std::array<Histogram, kApis> request_duration;   // by API key: from the last byte of the request to the answer
  uint64_t bytes_in = 0;                           // of record batches appended for producers
  uint64_t bytes_out = 0;                          // of record batches sent to consumers
  uint64_t replication_bytes_in = 0;               // of record batches fetched from leaders
  uint64_t replication_bytes_out = 0;              // of record batches sent to followers
  uint64_t replication_throttled_as_leader = 0;    // partitions of fetches that got nothing for their throttle
  uint64_t replication_throttled_as_follower = 0;  // partitions that were not asked for, for their throttle
  uint64_t batches_in = 0;
  uint64_t produce_errors = 0;
  uint64_t fetch_errors = 0;
  uint64_t connections_accepted = 0;
  uint64_t cold_reads = 0;  // reads on disk threads, of what was not in the page cache

  struct Throttled {
    uint64_t count = 0;
    Duration time{};  // that clients were told
  };
  std::array<Throttled, kQuotaKinds> throttled;  // by QuotaKind

  void count_throttle(QuotaKind kind, Duration time) {
    Throttled& counter = throttled[static_cast<size_t>(kind)];
    ++counter.count;
    counter.time += time;
  }
  void count_request(protocol::ApiKey key, Duration duration) {
    request_duration[static_cast<size_t>(key)].record(duration);
  }
};

}  // namespace weir::broker
