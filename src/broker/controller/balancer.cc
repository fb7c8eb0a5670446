#include "broker/controller/balancer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "broker/controller/partition_change.h"
#include "broker/controller/placement.h"

namespace weir::broker {
namespace {

using quorum::ConfigResourceType;

// Leaders that change at once: each costs its clients a moment.
constexpr size_t kLeaderMovesMax = 50;

constexpr std::string_view kLeaderRate = "leader.replication.throttled.rate";
constexpr std::string_view kFollowerRate = "follower.replication.throttled.rate";
constexpr std::string_view kLeaderReplicas = "leader.replication.throttled.replicas";
constexpr std::string_view kFollowerReplicas = "follower.replication.throttled.replicas";
constexpr std::string_view kAllReplicas = "*";

bool is_set(const quorum::ConfigEntries& entries, std::string_view key, std::string_view value) {
  const auto found = entries.find(key);
  return found != entries.end() && found->second == value;
}

const quorum::PartitionImage* find(const quorum::MetadataImage& image, const storage::TopicPartition& partition) {
  const auto topic = image.topic(partition.topic);
  return topic == nullptr ? nullptr : topic->partition(partition.index);
}

bool is_active(const quorum::MetadataImage& image, NodeId id) {
  const quorum::BrokerImage* broker = image.broker(id);
  return broker != nullptr && broker->is_active();
}

std::string throttled_replica(PartitionIndex partition, NodeId broker) {
  return fmt::format("{}:{}", partition.value(), broker.value());
}

std::vector<std::string> items_of(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    items.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return items;
}

}  // namespace

std::string_view balancer_state_name(BalancerState state) {
  switch (state) {
    case BalancerState::kOff:
      return "off";
    case BalancerState::kBalanced:
      return "balanced";
    case BalancerState::kMoving:
      return "moving";
    case BalancerState::kWaiting:
      return "waiting";
    case BalancerState::kBlocked:
      return "blocked";
  }
  return "";
}

// ------------------------------------------------------------------------------------------------------------- looking

void Balancer::note_brokers(const quorum::MetadataImage& image, MonotonicTime now) {
  std::erase_if(away_since_, [&](const auto& entry) {
    const quorum::BrokerImage* broker = image.broker(entry.first);
    return broker == nullptr || broker->is_active();
  });
  for (const auto& [id, broker] : image.brokers) {
    if (!broker->is_active()) away_since_.try_emplace(id, now);
  }
}

void Balancer::note_moves(const quorum::MetadataImage& image, BalancerActions& actions) {
  std::erase_if(moves_, [&](const auto& entry) {
    const quorum::PartitionImage* partition = find(image, entry.first);
    if (partition == nullptr) return true;
    const Move& move = entry.second;
    const bool is_ours = replicas_in_the_end(*partition) == move.target;
    if (is_reassigned(*partition) && is_ours) {
      const bool can_end =
          std::ranges::all_of(partition->adding_replicas, [&](NodeId id) { return is_active(image, id); });
      if (!can_end) actions.reassignments.push_back({.partition = entry.first, .replicas = std::nullopt});
      return false;
    }
    // Where it has other replicas now, somebody has cancelled it, or wants it elsewhere.
    report_.moves += is_ours ? 1 : 0;
    report_.moved_bytes += is_ours ? move.bytes : 0;
    report_.given_up += is_ours ? 0 : 1;
    return true;
  });
}

void Balancer::count_reassignments(const quorum::MetadataImage& image) {
  others_ = 0;
  for (const auto& [name, topic] : image.topics_by_name) {
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      if (!is_reassigned(*topic->partitions[i])) continue;
      if (!moves_.contains(Key{name, PartitionIndex(static_cast<int32_t>(i))})) ++others_;
    }
  }
}

// What a predecessor has left is known by the rate: nothing else sets exactly this one on both sides. Then the lists of
// all topics go, as Kafka's tool takes them away when what it moved has arrived.
void Balancer::clear_throttles(const quorum::MetadataImage& image, const BalancerSettings& settings,
                               BalancerActions& actions) {
  const std::string rate = std::to_string(settings.throttle_bytes_per_second);
  for (const auto& [resource, entries] : image.configs) {
    if (resource.type != ConfigResourceType::kBroker || resource.name.empty()) continue;
    if (!is_set(*entries, kLeaderRate, rate) || !is_set(*entries, kFollowerRate, rate)) continue;
    for (const std::string_view key : {kLeaderRate, kFollowerRate}) {
      actions.throttles.push_back({resource.type, resource.name, key, ConfigOperation::kDelete, {}});
    }
  }
  const bool is_predecessors = throttled_.empty() && !actions.throttles.empty();
  for (const auto& [resource, entries] : image.configs) {
    if (resource.type != ConfigResourceType::kTopic) continue;
    for (const std::string_view key : {kLeaderReplicas, kFollowerReplicas}) {
      const auto found = entries->find(key);
      const auto ours = throttled_.find({resource.name, key});
      if (found == entries->end() || found->second == kAllReplicas) continue;
      if (is_predecessors) actions.throttles.push_back(shortened(resource.name, key, found->second, {}));
      if (ours != throttled_.end())
        actions.throttles.push_back(shortened(resource.name, key, found->second, ours->second));
    }
  }
  throttled_.clear();
}

ThrottleEdit Balancer::shortened(const std::string& topic, std::string_view key, const std::string& list,
                                 const std::set<std::string>& entries) {
  ThrottleEdit edit{ConfigResourceType::kTopic, topic, key, ConfigOperation::kDelete, {}};
  if (entries.empty()) return edit;
  const std::vector<std::string> items = items_of(list);
  const bool is_all = std::ranges::all_of(items, [&](const std::string& item) { return entries.contains(item); });
  if (is_all) return edit;
  edit.operation = ConfigOperation::kSubtract;
  edit.value = fmt::format("{}", fmt::join(entries, ","));
  return edit;
}

BalancerActions Balancer::look(const quorum::MetadataImage& image, const BalancerSettings& settings,
                               MonotonicTime now) {
  BalancerActions actions;
  note_brokers(image, now);
  note_moves(image, actions);
  count_reassignments(image);
  const bool nothing_moves = moves_.empty() && others_ == 0;
  if (nothing_moves && (settings.enabled || !throttled_.empty())) clear_throttles(image, settings, actions);
  report_.moving = moves_.size();
  if (!settings.enabled) {
    report_.state = moves_.empty() ? BalancerState::kOff : BalancerState::kMoving;
    report_.blocked = 0;
    report_.imbalance = {};
  } else if (!moves_.empty()) {
    report_.state = BalancerState::kMoving;
  } else if (others_ > 0) {
    report_.state = BalancerState::kWaiting;
  }
  return actions;
}

bool Balancer::wants_plan(const BalancerSettings& settings) const {
  return settings.enabled && others_ == 0 && moves_.size() < settings.moves_max;
}

std::set<NodeId> Balancer::gone(const BalancerSettings& settings, MonotonicTime now) const {
  std::set<NodeId> ids;
  if (!settings.broker_failure) return ids;
  for (const auto& [id, since] : away_since_) {
    if (now - since >= *settings.broker_failure) ids.insert(id);
  }
  return ids;
}

BalanceOptions Balancer::options(const BalancerSettings& settings) const {
  return {.threshold = settings.threshold, .goes_on = goes_on_, .steps_max = settings.moves_max + kLeaderMovesMax};
}

// ----------------------------------------------------------------------------------------------------------- beginning

bool Balancer::fits(const quorum::MetadataImage& image, const BalancePartition& partition, const BalanceStep& step) {
  const quorum::PartitionImage* present = find(image, {partition.topic, partition.index});
  if (present == nullptr || is_reassigned(*present) || present->replicas != step.before) return false;
  const quorum::BrokerImage* to = image.broker(step.to);
  return to != nullptr && to->is_active() && (step.moves_leader || takes_replicas(*to));
}

// The brokers' rates are an operator's where there are some.
void Balancer::add_throttles(const quorum::MetadataImage& image, const BalancerSettings& settings,
                             const std::vector<BalanceStep>& steps, const BalanceInput& input,
                             BalancerActions& actions) {
  std::map<std::pair<std::string, std::string_view>, std::set<std::string>> lists;
  std::set<NodeId> brokers;
  for (const BalanceStep& step : steps) {
    if (step.moves_leader) continue;
    const BalancePartition& partition = input.partitions[step.partition];
    for (const NodeId id : step.before) {
      lists[{partition.topic, kLeaderReplicas}].insert(throttled_replica(partition.index, id));
      brokers.insert(id);
    }
    for (const NodeId id : step.after) {
      if (std::ranges::find(step.before, id) != step.before.end()) continue;
      lists[{partition.topic, kFollowerReplicas}].insert(throttled_replica(partition.index, id));
      brokers.insert(id);
    }
  }
  const std::string rate = std::to_string(settings.throttle_bytes_per_second);
  for (const NodeId id : brokers) {
    const std::string name = std::to_string(id.value());
    if (image.broker(id) == nullptr) continue;
    const quorum::ConfigEntries& entries = image.config(ConfigResourceType::kBroker, name);
    for (const std::string_view key : {kLeaderRate, kFollowerRate}) {
      if (!entries.contains(key))
        actions.throttles.push_back({ConfigResourceType::kBroker, name, key, ConfigOperation::kSet, rate});
    }
  }
  for (const auto& [place, replicas] : lists) {
    const auto& [topic, key] = place;
    const quorum::ConfigEntries& entries = image.config(ConfigResourceType::kTopic, topic);
    const auto found = entries.find(key);
    const std::vector<std::string> present =
        found == entries.end() ? std::vector<std::string>() : items_of(found->second);
    std::vector<std::string> added;
    for (const std::string& replica : replicas) {
      if (std::ranges::find(present, replica) == present.end()) added.push_back(replica);
    }
    if (added.empty() || is_set(entries, key, kAllReplicas)) continue;
    throttled_[place].insert(added.begin(), added.end());
    actions.throttles.push_back(
        {ConfigResourceType::kTopic, topic, key, ConfigOperation::kAppend, fmt::format("{}", fmt::join(added, ","))});
  }
}

BalancerActions Balancer::begin(const quorum::MetadataImage& image, const BalancerSettings& settings,
                                const BalanceInput& input, const BalancePlan& plan) {
  BalancerActions actions;
  report_.blocked = plan.blocked.size();
  report_.imbalance = plan.imbalance;
  count_reassignments(image);
  if (others_ > 0) return actions;
  std::vector<BalanceStep>& steps = actions.steps;
  std::set<size_t> taken;
  size_t moves = moves_.size();
  size_t leader_moves = 0;
  for (const BalanceStep& step : plan.steps) {
    // Of a partition that lost several brokers all replicas are replaced at once.
    if (!steps.empty() && step.reason == StepReason::kGone && steps.back().partition == step.partition) {
      steps.back().after = step.after;
      continue;
    }
    size_t& count = step.moves_leader ? leader_moves : moves;
    if (count >= (step.moves_leader ? kLeaderMovesMax : settings.moves_max)) break;
    // Steps behind one that cannot be taken may make sense only after it.
    if (!fits(image, input.partitions[step.partition], step) || !taken.insert(step.partition).second) break;
    ++count;
    steps.push_back(step);
  }
  for (const BalanceStep& step : steps) {
    const BalancePartition& partition = input.partitions[step.partition];
    const Key key{partition.topic, partition.index};
    actions.reassignments.push_back({.partition = key, .replicas = step.after});
    if (step.moves_leader) {
      actions.elections.push_back(key);
      ++report_.leader_moves;
    } else {
      moves_[key] = {.target = step.after, .bytes = step.bytes};
    }
    goes_on_ |= step.reason >= StepReason::kDisk;
  }
  add_throttles(image, settings, steps, input, actions);
  if (plan.steps.empty()) goes_on_ = false;
  report_.moving = moves_.size();
  report_.state = !moves_.empty() || !steps.empty() ? BalancerState::kMoving
                  // What the plan began with does not fit the cluster any more: the next one will.
                  : !plan.waits_for.empty() || !plan.steps.empty() ? BalancerState::kWaiting
                  : !plan.blocked.empty()                          ? BalancerState::kBlocked
                                                                   : BalancerState::kBalanced;
  return actions;
}

}  // namespace weir::broker
