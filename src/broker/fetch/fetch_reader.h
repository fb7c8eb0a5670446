// FetchReader: reads what a fetch asks for from the shards that own the partitions, and waits until there is enough of
// it. One object per request, on the shard that owns the fetch session; it refers to the items, which stay put until it
// is done.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/task.h"
#include "broker/fetch/fetch_session.h"
#include "broker/fetch/fetch_watch.h"
#include "broker/partition/partition.h"

namespace weir::broker {

class BrokerShard;

struct FetchTerms {
  ConsumerTerms consumer;  // views that live as long as the reader
  size_t max_bytes;        // of the whole answer
  size_t min_bytes;        // wait for so many
  MonotonicTime deadline;
  std::optional<IsrMember> replica{};  // another broker copies the partitions
};

// One partition of the fetch.
struct FetchRead {
  FetchItem* item;
  Uuid topic_id;  // resolved
  PartitionIndex index;
  // Set before reading when the topic cannot be resolved.
  PartitionRead read{};
};

class FetchReader {
 public:
  FetchReader(BrokerShard& home, std::vector<FetchRead>& reads, FetchTerms terms)
      : home_(home), reads_(reads), terms_(terms) {}

  // Fills reads[i].read. Returns when there are min_bytes, when something must be told at once, or at the deadline;
  // somewhat later when all that there is has to come from a disk first.
  Task<void> run();

 private:
  Task<void> read_all();
  // Cuts what was read to max_bytes, in the order of the partitions.
  void trim();
  [[nodiscard]] bool is_enough() const;
  // All that there is must first come from the disk.
  [[nodiscard]] bool has_only_cold() const;
  Task<void> wait(MonotonicTime deadline);

  BrokerShard& home_;
  std::vector<FetchRead>& reads_;
  FetchTerms terms_;
};

}  // namespace weir::broker
