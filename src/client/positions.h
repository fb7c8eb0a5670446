// Positions: what a Consumer reads and how far it is, and what has been fetched ahead. Plain; owned by one Consumer,
// one thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "base/time.h"
#include "client/fetched.h"
#include "weir/consumer.h"

namespace weir::client {

class Positions {
 public:
  enum class Known : uint8_t {
    kNothing,  // the group may have committed an offset
    kReset,    // the offset is that of the reset policy, which the leader knows
    kYes,
  };
  struct Partition {
    Known known = Known::kNothing;
    OffsetReset reset = OffsetReset::kLatest;
    Offset position = kNoOffset;    // of the next record to hand out
    Offset next_fetch = kNoOffset;  // behind what was fetched ahead
    Offset high_watermark = kNoOffset;
    Offset committed = kNoOffset;  // by this consumer or found as such
    MonotonicTime not_before{};    // of the next fetch, after a failure
    uint64_t incarnation = 0;      // an answer to a fetch of another one is not for this
    std::deque<FetchedRecords> fetched;
    [[nodiscard]] bool is_full() const { return fetched.size() >= kFetchedMax; }
  };
  // One being read and one ahead of it.
  static constexpr size_t kFetchedMax = 2;

  // Those that stay keep what they have.
  void assign(const std::vector<TopicPartition>& places, Known start, OffsetReset reset);
  // The partition, or null when it is not assigned.
  Partition* find(const TopicPartition& place);
  [[nodiscard]] const Partition* find(const TopicPartition& place) const;
  void seek(Partition& partition, Offset offset);
  // Back to what the policy says: the offset is outside the log.
  void reset(Partition& partition);
  std::map<TopicPartition, Partition>& all() { return partitions_; }
  [[nodiscard]] const std::map<TopicPartition, Partition>& all() const { return partitions_; }
  [[nodiscard]] std::vector<TopicPartition> places() const;

  // Up to `count` records of what was fetched, of one partition after the other in turns. What is wrong with a batch is
  // reported when nothing good is left before it.
  Result<> read(size_t count, ConsumedRecords& out);
  [[nodiscard]] bool has_fetched() const;
  [[nodiscard]] size_t bytes_fetched() const;
  // What to commit: positions that are beyond what is committed.
  [[nodiscard]] std::map<TopicPartition, Offset> uncommitted() const;
  void committed(const std::map<TopicPartition, Offset>& offsets);

 private:
  std::map<TopicPartition, Partition> partitions_;
  TopicPartition last_read_;
  uint64_t incarnations_ = 0;
};

}  // namespace weir::client
