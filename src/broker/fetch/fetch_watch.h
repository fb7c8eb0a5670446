// How a fetch that found too little waits: it watches its partitions on the shards that own them and is woken, once,
// when one of them has something new. Decides nothing: the fetch looks again.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/intrusive_list.h"
#include "base/loop.h"
#include "base/sync.h"

namespace weir::broker {

// The waiting fetch, on its home loop. Shared with the shards that may wake it.
class FetchWait : public std::enable_shared_from_this<FetchWait> {
 public:
  explicit FetchWait(Loop& home) : home_(home) {}

  // Wakes the fetch. Any loop; only the first call does something.
  void fire() {
    if (fired_.exchange(true, std::memory_order_relaxed)) return;
    if (Loop::current_or_null() == &home_) {
      woken_.notify_all();
    } else {
      home_.post([self = shared_from_this()] { self->woken_.notify_all(); });
    }
  }
  [[nodiscard]] bool fired() const { return fired_.load(std::memory_order_relaxed); }

  // Until fire() or the deadline. Home loop only.
  Task<void> wait_until(MonotonicTime deadline) {
    while (!fired() && co_await woken_.wait_until(deadline)) {
    }
  }

 private:
  Loop& home_;
  std::atomic<bool> fired_ = false;
  WaitList woken_;
};

// One partition's entry in the list of those who watch it. Loop of the partition only.
struct FetchWatcher : ListNode {
  FetchWatcher(std::shared_ptr<FetchWait> waiting, bool is_of_replica)
      : wait(std::move(waiting)), of_replica(is_of_replica) {}
  std::shared_ptr<FetchWait> wait;
  bool of_replica;  // which may read what is not committed yet
};

// The watchers that one fetch has on one shard: they leave the partitions' lists when the group is destroyed.
using FetchWatchGroup = std::vector<std::unique_ptr<FetchWatcher>>;

// Groups of fetches whose home is another shard; kept here until the fetch says that it is over.
class RemoteFetchWatches {
 public:
  void add(const FetchWait* fetch, FetchWatchGroup group) { groups_.emplace(fetch, std::move(group)); }
  void remove(const FetchWait* fetch) { groups_.erase(fetch); }

 private:
  std::unordered_map<const FetchWait*, FetchWatchGroup> groups_;
};

}  // namespace weir::broker
