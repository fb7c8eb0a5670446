#include "client/assignor.h"

#include <algorithm>
#include <set>

namespace weir::client {
namespace {

bool wants(const MemberSubscription& member, const std::string& topic) {
  return std::ranges::find(member.topics, topic) != member.topics.end();
}

// Static members first and by their instance, so that they keep their share through restarts under new member ids.
void sort_members(std::vector<MemberSubscription>& members) {
  std::ranges::sort(members, [](const MemberSubscription& a, const MemberSubscription& b) {
    if (a.instance.empty() != b.instance.empty()) return !a.instance.empty();
    return a.instance.empty() ? a.member < b.member : a.instance < b.instance;
  });
}

std::vector<TopicPartition> all_partitions(const PartitionCounts& partitions) {
  std::vector<TopicPartition> all;
  for (const auto& [topic, count] : partitions) {
    for (int32_t i = 0; i < count; ++i) all.push_back({topic, PartitionIndex(i)});
  }
  return all;
}

Assignments nothing_for(const std::vector<MemberSubscription>& members) {
  Assignments result;
  for (const MemberSubscription& member : members) result[member.member];
  return result;
}

class RangeAssignor final : public Assignor {
 public:
  [[nodiscard]] std::string_view name() const override { return "range"; }
  // Each topic by itself: consecutive partitions to each member, one more to the first ones.
  [[nodiscard]] Assignments assign(std::vector<MemberSubscription> members,
                                   const PartitionCounts& partitions) const override {
    sort_members(members);
    Assignments result = nothing_for(members);
    for (const auto& [topic, count] : partitions) {
      std::vector<const MemberSubscription*> takers;
      for (const MemberSubscription& member : members) {
        if (wants(member, topic)) takers.push_back(&member);
      }
      int32_t next = 0;
      for (size_t i = 0; i < takers.size(); ++i) {
        const auto each = count / static_cast<int32_t>(takers.size());
        const auto more = static_cast<int32_t>(i) < count % static_cast<int32_t>(takers.size()) ? 1 : 0;
        for (int32_t k = 0; k < each + more; ++k) result[takers[i]->member].push_back({topic, PartitionIndex(next++)});
      }
    }
    return result;
  }
};

class RoundRobinAssignor final : public Assignor {
 public:
  [[nodiscard]] std::string_view name() const override { return "roundrobin"; }
  // All partitions in a row, one to each member in turn, passing over those who do not want it.
  [[nodiscard]] Assignments assign(std::vector<MemberSubscription> members,
                                   const PartitionCounts& partitions) const override {
    sort_members(members);
    Assignments result = nothing_for(members);
    size_t turn = 0;
    for (const TopicPartition& place : all_partitions(partitions)) {
      for (size_t passed = 0; passed < members.size(); ++passed) {
        const MemberSubscription& member = members[turn++ % members.size()];
        if (!wants(member, place.topic)) continue;
        result[member.member].push_back(place);
        break;
      }
    }
    return result;
  }
};

class CooperativeStickyAssignor final : public Assignor {
 public:
  [[nodiscard]] std::string_view name() const override { return "cooperative-sticky"; }
  [[nodiscard]] bool is_cooperative() const override { return true; }

  // Everybody keeps what they have, as far as that is even; what moves is handed to nobody yet: its owner gives it up
  // in this round and the next round, which that causes, finds it free.
  [[nodiscard]] Assignments assign(std::vector<MemberSubscription> members,
                                   const PartitionCounts& partitions) const override {
    sort_members(members);
    const std::map<TopicPartition, std::string> owners = owners_of(members, partitions);
    Assignments result = nothing_for(members);
    for (const auto& [place, owner] : owners) result[owner].push_back(place);
    for (const TopicPartition& place : all_partitions(partitions)) {
      if (owners.contains(place)) continue;
      if (const auto* least = least_loaded(members, result, place.topic)) result[least->member].push_back(place);
    }
    while (move_one(members, result)) {
    }
    for (auto& [member, places] : result) {
      std::erase_if(places, [&](const TopicPartition& place) {
        const auto owner = owners.find(place);
        return owner != owners.end() && owner->second != member;
      });
      std::ranges::sort(places);
    }
    return result;
  }

 private:
  static std::map<TopicPartition, std::string> owners_of(const std::vector<MemberSubscription>& members,
                                                         const PartitionCounts& partitions) {
    // Of two that claim a partition the one with the newer generation is right: the other missed a rebalance.
    std::map<TopicPartition, std::pair<int32_t, std::string>> claims;
    for (const MemberSubscription& member : members) {
      for (const TopicPartition& place : member.owned) {
        const auto count = partitions.find(place.topic);
        if (count == partitions.end() || place.partition.value() >= count->second || !wants(member, place.topic))
          continue;
        auto [claim, fresh] = claims.try_emplace(place, member.generation, member.member);
        if (!fresh && claim->second.first < member.generation) claim->second = {member.generation, member.member};
      }
    }
    std::map<TopicPartition, std::string> owners;
    for (auto& [place, claim] : claims) owners.emplace(place, claim.second);
    return owners;
  }

  static const MemberSubscription* least_loaded(const std::vector<MemberSubscription>& members,
                                                const Assignments& assigned, const std::string& topic) {
    const MemberSubscription* least = nullptr;
    for (const MemberSubscription& member : members) {
      if (!wants(member, topic)) continue;
      if (least == nullptr || assigned.at(member.member).size() < assigned.at(least->member).size()) least = &member;
    }
    return least;
  }

  // Moves a partition from a member to one that has at least two fewer and wants it.
  static bool move_one(const std::vector<MemberSubscription>& members, Assignments& assigned) {
    for (auto& [member, places] : assigned) {
      for (auto place = places.rbegin(); place != places.rend(); ++place) {
        const MemberSubscription* least = least_loaded(members, assigned, place->topic);
        if (least == nullptr || assigned.at(least->member).size() + 2 > places.size()) continue;
        assigned.at(least->member).push_back(*place);
        places.erase(std::next(place).base());
        return true;
      }
    }
    return false;
  }
};

}  // namespace

const Assignor* find_assignor(std::string_view name) {
  static const RangeAssignor range;
  static const RoundRobinAssignor round_robin;
  static const CooperativeStickyAssignor cooperative_sticky;
  for (const Assignor* assignor : std::initializer_list<const Assignor*>{&range, &round_robin, &cooperative_sticky}) {
    if (assignor->name() == name) return assignor;
  }
  return nullptr;
}

}  // namespace weir::client
