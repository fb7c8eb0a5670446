#include "broker/controller/placement.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace weir::broker {
namespace {

template <class T>
void shuffle_in_place(std::vector<T>& items, Random& random) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.below(i)]);
}

}  // namespace

bool takes_replicas(const quorum::BrokerImage& broker) {
  return broker.directories.empty() || std::ranges::any_of(broker.directories, [&](const Uuid& id) {
           return std::ranges::find(broker.cordoned_directories, id) == broker.cordoned_directories.end();
         });
}

Placement::Placement(const quorum::MetadataImage& image, Random& random) : random_(random) {
  std::map<std::optional<std::string>, Rack> racks;
  for (const auto& [id, broker] : image.brokers) {
    if (!takes_replicas(*broker)) continue;
    Rack& rack = racks[broker->rack];
    if (broker->is_active()) {
      rack.active.push_back(id);
      ++active_count_;
    } else {
      rack.fenced.push_back(id);
      ++fenced_count_;
    }
  }
  for (auto& [name, rack] : racks) racks_.push_back(std::move(rack));
  shuffle();
}

void Placement::shuffle() {
  shuffle_in_place(racks_, random_);
  for (Rack& rack : racks_) {
    shuffle_in_place(rack.active, random_);
    shuffle_in_place(rack.fenced, random_);
    rack.turn = 0;
  }
  first_rack_ = 0;
  placed_ = 0;
}

Result<> Placement::check(int16_t replication_factor) const {
  if (active_count_ == 0)
    return fail(Errc::kInvalidArgument, "all brokers are fenced, or have all their log directories cordoned");
  const size_t registered = active_count_ + fenced_count_;
  if (static_cast<size_t>(replication_factor) > registered) {
    return fail(Errc::kInvalidArgument,
                fmt::format("replication factor {} is more than the {} registered broker{} that take replicas",
                            replication_factor, registered, registered == 1 ? "" : "s"));
  }
  return {};
}

std::vector<NodeId> Placement::next(int16_t replication_factor) {
  CHECK(active_count_ > 0);
  // Every active broker has led once: another order, so that the same brokers are not always replicas of each other.
  if (placed_ == active_count_ && active_count_ > 1) shuffle();
  ++placed_;
  size_t leader_rack = first_rack_;
  while (racks_[leader_rack].active.empty()) leader_rack = (leader_rack + 1) % racks_.size();
  first_rack_ = (first_rack_ + 1) % racks_.size();

  // One broker of each rack in turn, beginning with the leader's.
  std::vector<std::vector<NodeId>> queues;
  for (size_t i = 0; i < racks_.size(); ++i) {
    const Rack& rack = racks_[(leader_rack + i) % racks_.size()];
    auto& queue = queues.emplace_back();
    for (const auto* brokers : {&rack.active, &rack.fenced}) {
      for (size_t k = 0; k < brokers->size(); ++k) queue.push_back((*brokers)[(rack.turn + k) % brokers->size()]);
    }
  }
  for (Rack& rack : racks_) ++rack.turn;
  std::vector<NodeId> replicas;
  for (size_t round = 0; replicas.size() < static_cast<size_t>(replication_factor); ++round) {
    for (const auto& queue : queues) {
      if (round < queue.size() && replicas.size() < static_cast<size_t>(replication_factor)) {
        replicas.push_back(queue[round]);
      }
    }
  }
  return replicas;
}

}  // namespace weir::broker
