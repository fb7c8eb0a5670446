#include "broker/group/consumer_assignors.h"

#include <algorithm>
#include <set>

#include "base/check.h"

namespace weir::broker {
namespace {

struct Slot {
  Uuid topic;
  int32_t partition;
};

int32_t partitions_of(const AssignorInput& input, const Uuid& topic) {
  const auto it = input.partition_counts.find(topic);
  CHECK(it != input.partition_counts.end(), "an assignor is not told of the topic {}", topic.to_string());
  return it->second;
}

// Members that read the same topics.
class UniformHomogeneous {
 public:
  explicit UniformHomogeneous(const AssignorInput& input) : input_(input), assignment_(input.members.size()) {}

  std::vector<PartitionSets> build() {
    const std::vector<Uuid>& topics = input_.members.front().topics;
    size_t total = 0;
    for (const Uuid& topic : topics) total += static_cast<size_t>(partitions_of(input_, topic));
    quota_ = total / input_.members.size();
    extras_ = total % input_.members.size();
    find_unassigned(topics);
    for (size_t i = 0; i < input_.members.size(); ++i) keep(i);
    auto next = unassigned_.begin();
    for (auto& [member, room] : unfilled_) {
      for (; room > 0 && next != unassigned_.end(); --room, ++next)
        assignment_[member][next->topic].insert(next->partition);
    }
    CHECK(next == unassigned_.end(), "{} partitions were left over", unassigned_.end() - next);
    return std::move(assignment_);
  }

 private:
  void find_unassigned(const std::vector<Uuid>& topics) {
    std::map<Uuid, std::set<int32_t>> assigned;
    for (const AssignorMember& member : input_.members) {
      for (const auto& [topic, partitions] : *member.current)
        assigned[topic].insert(partitions.begin(), partitions.end());
    }
    for (const Uuid& topic : topics) {
      const std::set<int32_t>& taken = assigned[topic];
      for (int32_t i = 0; i < partitions_of(input_, topic); ++i) {
        if (!taken.contains(i)) unassigned_.push_back({topic, i});
      }
    }
  }

  // The member keeps what it has up to its quota; the rest goes to others.
  void keep(size_t index) {
    const AssignorMember& member = input_.members[index];
    size_t room = quota_ + (extras_ > 0 ? 1 : 0);
    bool has_extra = extras_ > 0;
    for (const auto& [topic, partitions] : *member.current) {
      if (!std::ranges::binary_search(member.topics, topic)) continue;
      for (const int32_t partition : partitions) {
        if (partition >= partitions_of(input_, topic) || !kept_[topic].insert(partition).second) continue;
        if (room > 0) {
          assignment_[index][topic].insert(partition);
          --room;
        } else {
          unassigned_.push_back({topic, partition});
        }
      }
    }
    // The extra partition is left to others, unless as many extras are left as members.
    if (room > 0 && has_extra && input_.members.size() - index > extras_) {
      --room;
      has_extra = false;
    }
    if (room > 0) unfilled_.emplace_back(index, room);
    if (has_extra) --extras_;
  }

  const AssignorInput& input_;
  size_t quota_ = 0;   // of each member
  size_t extras_ = 0;  // members that are still to get one more
  std::vector<Slot> unassigned_;
  std::map<Uuid, std::set<int32_t>> kept_;  // or given up: of two members that had one the first counts
  std::vector<std::pair<size_t, size_t>> unfilled_;
  std::vector<PartitionSets> assignment_;
};

// Members that read different topics.
class UniformHeterogeneous {
 public:
  explicit UniformHeterogeneous(const AssignorInput& input) : input_(input), loads_(input.members.size()) {}

  std::vector<PartitionSets> build() {
    for (size_t i = 0; i < input_.members.size(); ++i) {
      for (const Uuid& topic : input_.members[i].topics) topics_[topic].subscribers.push_back(i);
    }
    for (auto& [id, topic] : topics_) {
      topic.id = id;
      topic.owners.assign(static_cast<size_t>(partitions_of(input_, id)), kNobody);
    }
    for (size_t i = 0; i < input_.members.size(); ++i) keep(i);
    const std::vector<Topic*> order = sorted();
    for (Topic* topic : order) assign_rest(*topic);
    // A move in one topic may make another possible. Each makes the loads more even, so that it ends; the bound is for
    // its cost.
    constexpr int kRoundsMax = 16;
    for (int round = 0; round < kRoundsMax; ++round) {
      bool moved = false;
      for (Topic* topic : order) moved |= balance(*topic);
      if (!moved) break;
    }
    std::vector<PartitionSets> assignment(input_.members.size());
    for (const auto& [id, topic] : topics_) {
      for (size_t i = 0; i < topic.owners.size(); ++i) assignment[topic.owners[i]][id].insert(static_cast<int32_t>(i));
    }
    return assignment;
  }

 private:
  static constexpr size_t kNobody = SIZE_MAX;
  struct Topic {
    Uuid id;
    std::vector<size_t> subscribers;
    std::vector<size_t> owners;  // of each partition
  };
  using ByLoad = std::set<std::pair<size_t, size_t>>;  // load and member

  void keep(size_t index) {
    const AssignorMember& member = input_.members[index];
    for (const auto& [id, partitions] : *member.current) {
      if (!std::ranges::binary_search(member.topics, id)) continue;
      std::vector<size_t>& owners = topics_.at(id).owners;
      for (const int32_t partition : partitions) {
        const auto at = static_cast<size_t>(partition);
        if (at >= owners.size() || owners[at] != kNobody) continue;
        owners[at] = index;
        ++loads_[index];
      }
    }
  }

  // Those with the most partitions for each subscriber first: they leave the least choice.
  std::vector<Topic*> sorted() {
    std::vector<Topic*> order;
    for (auto& [id, topic] : topics_) order.push_back(&topic);
    std::ranges::sort(order, [](const Topic* a, const Topic* b) {
      const size_t left = a->owners.size() * b->subscribers.size();
      const size_t right = b->owners.size() * a->subscribers.size();
      if (left != right) return left > right;
      return std::pair(a->subscribers.size(), a->id) < std::pair(b->subscribers.size(), b->id);
    });
    return order;
  }

  ByLoad by_load(const Topic& topic) const {
    ByLoad loads;
    for (const size_t member : topic.subscribers) loads.emplace(loads_[member], member);
    return loads;
  }

  void assign_rest(Topic& topic) {
    ByLoad loads = by_load(topic);
    for (size_t& owner : topic.owners) {
      if (owner != kNobody) continue;
      owner = loads.begin()->second;
      loads.erase(loads.begin());
      loads.emplace(++loads_[owner], owner);
    }
  }

  // Moves partitions of the topic from its most to its least loaded members; whether there was one to move.
  bool balance(Topic& topic) {
    ByLoad receivers = by_load(topic);
    ByLoad givers = receivers;
    if (receivers.rbegin()->first - receivers.begin()->first <= 1) return false;
    std::map<size_t, std::vector<size_t>> owned;
    for (size_t i = 0; i < topic.owners.size(); ++i) owned[topic.owners[i]].push_back(i);
    bool moved = false;
    while (!givers.empty()) {
      const auto [load, giver] = *givers.rbegin();
      const auto [least, receiver] = *receivers.begin();
      if (load - std::min(load, least) <= 1) break;
      std::vector<size_t>& partitions = owned[giver];
      givers.erase(std::prev(givers.end()));
      if (partitions.empty()) continue;
      topic.owners[partitions.back()] = receiver;
      owned[receiver].push_back(partitions.back());
      partitions.pop_back();
      receivers.erase({load, giver});
      receivers.erase({least, receiver});
      givers.erase({least, receiver});
      loads_[giver] = load - 1;
      loads_[receiver] = least + 1;
      for (const size_t member : {giver, receiver}) {
        receivers.emplace(loads_[member], member);
        givers.emplace(loads_[member], member);
      }
      moved = true;
    }
    return moved;
  }

  const AssignorInput& input_;
  std::vector<size_t> loads_;  // partitions of each member
  std::map<Uuid, Topic> topics_;
};

}  // namespace

std::vector<PartitionSets> assign_uniform(const AssignorInput& input) {
  if (input.members.empty()) return {};
  return input.homogeneous ? UniformHomogeneous(input).build() : UniformHeterogeneous(input).build();
}

std::vector<PartitionSets> assign_range(const AssignorInput& input) {
  std::vector<size_t> order(input.members.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  // Static members first, by their instances: their ranges stay when they come back under another id.
  std::ranges::sort(order, [&](size_t a, size_t b) {
    const auto& left = input.members[a];
    const auto& right = input.members[b];
    if (left.instance_id && right.instance_id) return *left.instance_id < *right.instance_id;
    if (left.instance_id || right.instance_id) return left.instance_id.has_value();
    return left.id < right.id;
  });
  struct Cut {
    size_t members = 0;
    size_t done = 0;
    int32_t next = 0;
  };
  std::map<Uuid, Cut> cuts;
  for (const AssignorMember& member : input.members) {
    for (const Uuid& topic : member.topics) ++cuts[topic].members;
  }
  std::vector<PartitionSets> assignment(input.members.size());
  for (const size_t index : order) {
    for (const Uuid& topic : input.members[index].topics) {
      Cut& cut = cuts[topic];
      const auto total = static_cast<size_t>(partitions_of(input, topic));
      const size_t size = total / cut.members + (cut.done < total % cut.members ? 1 : 0);
      ++cut.done;
      for (size_t i = 0; i < size; ++i) assignment[index][topic].insert(cut.next++);
    }
  }
  return assignment;
}

Assignor find_assignor(std::string_view name) {
  if (name == kUniformAssignor) return &assign_uniform;
  if (name == kRangeAssignor) return &assign_range;
  return nullptr;
}

}  // namespace weir::broker
