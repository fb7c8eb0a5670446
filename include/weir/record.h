// Records and the places they go to and come from, as a user of the client sees them. Plain values that any thread may
// hold; a ConsumedRecord is a view into the ConsumedRecords it came with.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace weir::client {

struct TopicPartition {
  std::string topic;
  PartitionIndex partition;

  [[nodiscard]] std::string to_string() const { return topic + "-" + std::to_string(partition.value()); }
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

struct RecordHeader {
  std::string key;
  std::optional<std::string> value;
};

// A record on its way to a topic. An absent value is a tombstone in a compacted topic.
struct ProducerRecord {
  std::string topic;
  std::optional<PartitionIndex> partition;  // absent: chosen by the key, or for keyless records a batch at a time
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<RecordHeader> headers;
  std::optional<Timestamp> timestamp;  // absent: the time of Producer::send
};

// Where a record ended up.
struct Delivery {
  PartitionIndex partition;
  Offset offset = kNoOffset;  // kNoOffset when nobody told: acks=0, or a repeat of a batch that was stored long before
  Timestamp timestamp = kNoTimestamp;  // the time of the append, when the topic is set to that; otherwise the record's
};

struct HeaderView {
  std::string_view key;
  std::optional<std::string_view> value;
};

struct ConsumedRecord {
  std::string_view topic;
  PartitionIndex partition;
  Offset offset;
  Timestamp timestamp;
  bool log_append_time = false;  // the timestamp is the broker's, not the producer's
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<HeaderView> headers;
};

// What one poll gave: the records, and the memory that they point into.
struct ConsumedRecords {
  std::vector<ConsumedRecord> records;
  std::vector<std::shared_ptr<const void>> owners;
};

}  // namespace weir::client

template <>
struct std::hash<weir::client::TopicPartition> {
  size_t operator()(const weir::client::TopicPartition& place) const noexcept {
    return std::hash<std::string>{}(place.topic) * 31 + static_cast<size_t>(place.partition.value());
  }
};
