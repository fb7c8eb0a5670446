#include "broker/metadata_applier.h"

#include <utility>
#include <vector>

#include "base/log.h"
#include "broker/log_dirs.h"
#include "broker/node_context.h"
#include "broker/replication_throttle.h"
#include "broker/shard.h"
#include "broker/shard_metadata.h"
#include "storage/full_disk.h"

namespace weir::broker {

void MetadataApplier::on_metadata(const quorum::MetadataUpdate& update) {
  received_ = update.after->provenance.last_offset;
  last_image_ = update.after;
  enqueue(update);
}

void MetadataApplier::enqueue(const quorum::MetadataUpdate& update) {
  const bool idle = updates_.empty();
  updates_.push_back(update);
  if (idle) loop_.spawn(apply_all());
}

Task<void> MetadataApplier::caught_up() {
  const Offset target = received_;
  while (applied_ < target) co_await progress_.wait();
}

Task<void> MetadataApplier::apply_all() {
  while (!updates_.empty()) {
    co_await apply(updates_.front());
    applied_ = updates_.front().after->provenance.last_offset;
    updates_.pop_front();
    progress_.notify_all();
  }
}

Task<void> MetadataApplier::apply(const quorum::MetadataUpdate& update) {
  if (!update.changes->configs.empty()) {
    const BrokerLayers layers = node_.layers(*update.after);
    node_.log_dirs->configure(layers);
    node_.throttles->configure(layers);
  }
  // Two rounds: a client that sees the new image on one shard must find the partitions on every other.
  std::vector<Task<std::vector<PartitionKey>>> rounds;
  const bool touches_partitions = !update.changes->topics.empty() || !update.changes->configs.empty();
  if (touches_partitions) {
    for (BrokerShard* shard : node_.shards) {
      rounds.push_back(call_on(shard->loop(), [shard, update] { return apply_to_partitions(*shard, update); }));
    }
  }
  for (auto& round : rounds) {
    for (const PartitionKey& key : co_await std::move(round)) without_room_.push_back(key);
  }
  if (applied_ == kNoOffset) co_await node_.log_dirs->put_strays_aside(*update.after);
  std::vector<Task<void>> shows;
  for (BrokerShard* shard : node_.shards) {
    shows.push_back(call_on(shard->loop(), [shard, update] { return show_metadata(*shard, update); }));
  }
  for (Task<void>& show : shows) co_await std::move(show);
  if (without_room_.empty() || std::exchange(waits_for_room_, true)) co_return;
  log_error("partitions", "cannot be opened for want of room on the disk, and are offline until there is some",
            kv("count", without_room_.size()));
  loop_.spawn(open_when_there_is_room());
}

// As if their topics had changed: in the order of the updates, so that nothing is opened that was deleted meanwhile.
Task<void> MetadataApplier::open_when_there_is_room() {
  while (!without_room_.empty()) {
    co_await sleep_for(storage::kFullDiskRetryInterval);
    auto changes = std::make_shared<quorum::MetadataChanges>();
    for (const PartitionKey& key : std::exchange(without_room_, {})) {
      const auto topic = last_image_->topic(key.topic_id);
      if (topic == nullptr) continue;
      quorum::TopicChange& change = changes->topics[key.topic_id];
      change.before = change.after = topic;
      change.partitions.insert(key.index);
    }
    enqueue({.before = last_image_, .after = last_image_, .changes = changes});
    while (!updates_.empty()) co_await progress_.wait();
  }
  waits_for_room_ = false;
  log_info("partitions", "there is room on the disk again: all that waited for it are open");
}

}  // namespace weir::broker
