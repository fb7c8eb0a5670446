#include "broker/metadata_applier.h"

#include <vector>

#include "broker/node_context.h"
#include "broker/shard.h"
#include "broker/shard_metadata.h"

namespace weir::broker {

void MetadataApplier::on_metadata(const quorum::MetadataUpdate& update) {
  const bool idle = updates_.empty();
  updates_.push_back(update);
  received_ = update.after->provenance.last_offset;
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
  // Two rounds: a client that sees the new image on one shard must find the partitions on every other.
  std::vector<Task<void>> rounds;
  const bool touches_partitions = !update.changes->topics.empty() || !update.changes->configs.empty();
  if (touches_partitions) {
    for (BrokerShard* shard : node_.shards) {
      rounds.push_back(call_on(shard->loop(), [shard, update] { return apply_to_partitions(*shard, update); }));
    }
    for (Task<void>& round : rounds) co_await std::move(round);
    rounds.clear();
  }
  for (BrokerShard* shard : node_.shards) {
    rounds.push_back(call_on(shard->loop(), [shard, update] { return show_metadata(*shard, update); }));
  }
  for (Task<void>& round : rounds) co_await std::move(round);
}

}  // namespace weir::broker
