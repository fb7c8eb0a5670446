#include "broker/fetch/fetch_reader.h"

#include <algorithm>

#include "broker/server/on_owners.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;

// How long a fetch that finds only records which are not in memory waits for the disk, however short its own wait:
// its records are there. A disk that hangs longer must not keep the other partitions of a consumer from it.
constexpr Duration kDiskPatience = seconds(5);

Task<void> read_part(BrokerShard& shard, std::vector<FetchRead*> part, FetchTerms terms) {
  for (FetchRead* one : part) {
    // Only errors of resolution are there before the first read; they do not change while the fetch waits.
    if (one->read.error == ErrorCode::kUnknownTopicId || one->read.error == ErrorCode::kUnknownTopicOrPartition)
      continue;
    const std::shared_ptr<Partition>* partition = shard.find_partition(one->topic_id, one->index);
    if (partition == nullptr) {
      one->read = {.error = shard.why_absent(one->topic_id, one->index)};
      continue;
    }
    const auto limit = static_cast<size_t>(std::max(one->item->partition_max_bytes, 0));
    const size_t max_bytes = std::min(limit, terms.max_bytes);
    one->read = terms.replica ? (*partition)->read_for_replica(*one->item, *terms.replica, max_bytes)
                              : (*partition)->read(*one->item, terms.consumer, max_bytes);
  }
  co_return;
}

struct Watched {
  PartitionKey key;
  Offset seen;
  bool waits_for_disk;
  bool of_replica;
};

// Puts watchers on the partitions of `part`; what has grown meanwhile wakes the fetch at once.
FetchWatchGroup watch_part(BrokerShard& shard, const std::vector<Watched>& part,
                           const std::shared_ptr<FetchWait>& wait) {
  FetchWatchGroup group;
  for (const auto& [key, seen, waits_for_disk, of_replica] : part) {
    const std::shared_ptr<Partition>* partition = shard.find_partition(key.topic_id, key.index);
    if (partition == nullptr) continue;
    group.push_back(std::make_unique<FetchWatcher>(wait, of_replica));
    (*partition)->watch(*group.back(), seen, waits_for_disk);
  }
  return group;
}

}  // namespace

Task<void> FetchReader::run() {
  const MonotonicTime patience_ends = home_.loop().now() + kDiskPatience;
  co_await read_all();
  while (!is_enough()) {
    const MonotonicTime deadline = has_only_cold() ? std::max(terms_.deadline, patience_ends) : terms_.deadline;
    if (home_.loop().now() >= deadline) break;
    co_await wait(deadline);
    // Of a burst of appends the first one woke this fetch: it takes the rest along.
    co_await Yield::to_last();
    co_await read_all();
  }
}

Task<void> FetchReader::read_all() {
  co_await on_owners(home_, reads_, [terms = terms_](BrokerShard& shard, std::vector<FetchRead*> part) {
    return read_part(shard, std::move(part), terms);
  });
  trim();
}

void FetchReader::trim() {
  size_t left = terms_.max_bytes;
  bool first = true;
  for (FetchRead& one : reads_) {
    if (!one.read.records) continue;
    // The first partition with data gives at least one whole batch, however large, so that a consumer always gets on.
    const size_t floor = first ? one.read.first_batch_size : 0;
    const size_t partition_limit = static_cast<size_t>(std::max(one.item->partition_max_bytes, 0));
    const size_t allowed = std::max(floor, std::min(left, partition_limit));
    first = false;
    one.read.records->length = std::min<uint64_t>(one.read.records->length, allowed);
    if (one.read.records->length == 0) {
      one.read.records.reset();
      continue;
    }
    left -= std::min<size_t>(left, one.read.records->length);
  }
}

bool FetchReader::is_enough() const {
  size_t bytes = 0;
  for (const FetchRead& one : reads_) {
    if (one.read.error != ErrorCode::kNone || one.read.wakes_fetch || one.read.diverging_epoch) return true;
    if (one.read.records) bytes += one.read.records->length;
  }
  return reads_.empty() || bytes >= terms_.min_bytes;
}

bool FetchReader::has_only_cold() const {
  return std::ranges::any_of(reads_, [](const FetchRead& one) { return one.read.waits_for_disk; }) &&
         std::ranges::none_of(reads_, [](const FetchRead& one) { return one.read.records.has_value(); });
}

Task<void> FetchReader::wait(MonotonicTime deadline) {
  const auto waiting = std::make_shared<FetchWait>(home_.loop());
  const std::vector<BrokerShard*>& shards = home_.node().shards;
  std::vector<std::vector<Watched>> parts(shards.size());
  for (const FetchRead& one : reads_) {
    if (one.read.throttled_for > Duration::zero()) {
      // Nothing that comes meanwhile can be had.
      deadline = std::min(deadline, home_.loop().now() + one.read.throttled_for);
      continue;
    }
    parts[home_.node().shard_of(one.topic_id, one.index).loop().shard().value()].push_back(
        {{one.topic_id, one.index}, one.read.readable_end, one.read.waits_for_disk, terms_.replica.has_value()});
  }
  const uint32_t here = home_.loop().shard().value();
  for (size_t i = 0; i < shards.size(); ++i) {
    if (i == here || parts[i].empty()) continue;
    shards[i]->loop().post([shard = shards[i], part = std::move(parts[i]), waiting] {
      shard->fetch_watches().add(waiting.get(), watch_part(*shard, part, waiting));
    });
    parts[i].emplace_back();  // marks the shard as one that must be told when the wait is over
  }
  {
    const FetchWatchGroup group = watch_part(home_, parts[here], waiting);
    co_await waiting->wait_until(deadline);
  }
  for (size_t i = 0; i < shards.size(); ++i) {
    if (i == here || parts[i].empty()) continue;
    shards[i]->loop().post([shard = shards[i], waiting] { shard->fetch_watches().remove(waiting.get()); });
  }
}

}  // namespace weir::broker
