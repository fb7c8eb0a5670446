// Runs work on the shards that own the partitions of a request, and waits for all of it.
#pragma once

#include <utility>
#include <vector>

#include "base/sync.h"
#include "broker/node_context.h"
#include "broker/server/request_context.h"
#include "broker/shard.h"

namespace weir::broker {

// `items` have `topic_id` (Uuid) and `index` (PartitionIndex); `work(BrokerShard&, std::vector<Item*>)` returns a
// Task<void> and runs on each owner with the items it owns, in their order. The items stay where they are until all is
// done; the home shard's part runs here.
template <class Item, class Work>
Task<void> on_owners(BrokerShard& home, std::vector<Item>& items, Work work) {
  const std::vector<BrokerShard*>& shards = home.node().shards;
  std::vector<std::vector<Item*>> owned(shards.size());
  for (Item& item : items)
    owned[home.node().shard_of(item.topic_id, item.index).loop().shard().value()].push_back(&item);
  std::vector<Task<void>> elsewhere;
  for (size_t i = 0; i < shards.size(); ++i) {
    BrokerShard* shard = shards[i];
    if (shard == &home || owned[i].empty()) continue;
    elsewhere.push_back(call_on(shard->loop(), [shard, work, part = std::move(owned[i])]() mutable -> Task<void> {
      return work(*shard, std::move(part));
    }));
  }
  std::vector<Item*>& here = owned[home.loop().shard().value()];
  if (!here.empty()) co_await work(home, std::move(here));
  for (Task<void>& task : elsewhere) co_await std::move(task);
}

}  // namespace weir::broker
