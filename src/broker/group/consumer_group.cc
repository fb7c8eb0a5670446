#include "broker/group/consumer_group.h"

#include <algorithm>

#include "base/check.h"

namespace weir::broker {
namespace {

// What a group, and a member with its timers and its share of the indexes, cost besides their strings, roughly.
constexpr size_t kGroupOverhead = 768;
constexpr size_t kMemberOverhead = 1024;
constexpr size_t kPartitionOverhead = 160;

// Of a group that nobody has joined yet: its first assignment is that of this epoch or a later one.
constexpr int32_t kFirstEpoch = 1;

size_t count_partitions(const PartitionEpochs& partitions) {
  size_t count = 0;
  for (const auto& [topic, epochs] : partitions) count += epochs.size();
  return count;
}

// About what it takes in memory.
size_t size_of(const ConsumerMember& member) {
  const ConsumerSubscription& subscription = member.subscription;
  size_t size =
      kMemberOverhead + 4 * member.id.size() + subscription.client_id.size() + subscription.client_host.size();
  for (const auto& topic : subscription.topics) size += 2 * topic.size();
  if (subscription.topic_regex) size += 2 * subscription.topic_regex->size();
  if (subscription.classic) {
    for (const auto& protocol : subscription.classic->protocols)
      size += protocol.name.size() + protocol.metadata.size();
  }
  return size + kPartitionOverhead *
                    (count_partitions(member.progress.assigned) + count_partitions(member.progress.to_revoke));
}

void count(std::map<std::string, size_t, std::less<>>& counts, const std::string& key, bool add) {
  if (add) {
    ++counts[key];
  } else if (const auto it = counts.find(key); --it->second == 0) {
    counts.erase(it);
  }
}

}  // namespace

std::string_view group_state_name(ConsumerGroupState state) {
  switch (state) {
    case ConsumerGroupState::kEmpty:
      return "Empty";
    case ConsumerGroupState::kAssigning:
      return "Assigning";
    case ConsumerGroupState::kReconciling:
      return "Reconciling";
    case ConsumerGroupState::kStable:
      return "Stable";
  }
  return "Unknown";
}

ConsumerGroup::ConsumerGroup(std::string id, size_t& memory_bytes)
    : id_(std::move(id)),
      epoch_(kFirstEpoch),
      memory_bytes_(kGroupOverhead + 4 * id_.size()),
      total_memory_bytes_(memory_bytes) {
  total_memory_bytes_ += memory_bytes_;
}

ConsumerGroupState ConsumerGroup::state() const {
  if (members_.empty()) return ConsumerGroupState::kEmpty;
  if (epoch_ > assignment_epoch_) return ConsumerGroupState::kAssigning;
  const bool reconciled = std::ranges::all_of(
      members_, [&](const auto& entry) { return entry.second->is_reconciled_to(assignment_epoch_); });
  return reconciled ? ConsumerGroupState::kStable : ConsumerGroupState::kReconciling;
}

std::shared_ptr<const ConsumerMember> ConsumerGroup::find(std::string_view member_id) const {
  const auto it = members_.find(member_id);
  return it == members_.end() ? nullptr : it->second;
}

std::shared_ptr<const ConsumerMember> ConsumerGroup::find_static(std::string_view instance_id) const {
  const auto it = static_members_.find(instance_id);
  return it == static_members_.end() ? nullptr : find(it->second);
}

const PartitionSets& ConsumerGroup::target(std::string_view member_id) const {
  static const PartitionSets kNothing;
  const auto it = targets_.find(member_id);
  return it == targets_.end() ? kNothing : *it->second;
}

size_t ConsumerGroup::regex_subscribers(std::string_view regex) const {
  const auto it = regex_members_.find(regex);
  return it == regex_members_.end() ? 0 : it->second;
}

std::vector<std::string_view> ConsumerGroup::subscribed_topics() const {
  std::vector<std::string_view> names;
  names.reserve(topics_.size());
  for (const auto& [name, subscribers] : topics_) names.push_back(name);
  return names;
}

std::set<std::string, std::less<>> ConsumerGroup::topics_of(const ConsumerMember& member) const {
  std::set<std::string, std::less<>> topics = member.subscription.topics;
  if (!member.subscription.has_regex()) return topics;
  // One that is not resolved yet stands for nothing.
  if (const auto it = regexes_.find(*member.subscription.topic_regex); it != regexes_.end())
    topics.insert(it->second->topics.begin(), it->second->topics.end());
  return topics;
}

bool ConsumerGroup::is_homogeneous() const {
  // All members with one expression and no names read the same.
  const bool names_only = regex_members_.empty();
  const bool one_regex = regex_members_.size() == 1 && regex_members_.begin()->second == members_.size();
  if (!names_only && !one_regex) return false;
  return std::ranges::all_of(topics_, [&](const auto& entry) {
    const Subscribers& subscribers = entry.second;
    return subscribers.by_name == members_.size() || (one_regex && subscribers.by_name == 0);
  });
}

std::optional<std::string> ConsumerGroup::preferred_assignor() const {
  const auto it = std::ranges::max_element(assignors_, {}, [](const auto& entry) { return entry.second; });
  if (it == assignors_.end()) return std::nullopt;
  return it->first;
}

bool ConsumerGroup::supports_classic(const std::vector<GroupProtocol>& protocols) const {
  if (members_.empty()) return !protocols.empty();
  return std::ranges::any_of(protocols, [&](const GroupProtocol& protocol) {
    const auto it = classic_protocols_.find(protocol.name);
    return (it == classic_protocols_.end() ? 0 : it->second) == classic_members_;
  });
}

bool ConsumerGroup::is_owned(const Uuid& topic, int32_t partition) const {
  const auto it = owners_.find(topic);
  return it != owners_.end() && it->second.contains(partition);
}

bool ConsumerGroup::waits_for_unreleased(const ConsumerMember& member) const {
  if (member.progress.state != ConsumerMemberState::kUnreleasedPartitions) return false;
  return std::ranges::any_of(target(member.id), [&](const auto& entry) {
    const auto assigned = member.progress.assigned.find(entry.first);
    return std::ranges::any_of(entry.second, [&](int32_t partition) {
      const bool has = assigned != member.progress.assigned.end() && assigned->second.contains(partition);
      return !has && is_owned(entry.first, partition);
    });
  });
}

Undo ConsumerGroup::set_epoch(int32_t epoch, int64_t metadata_hash) {
  const int32_t old_epoch = std::exchange(epoch_, epoch);
  const int64_t old_hash = std::exchange(metadata_hash_, metadata_hash);
  return [this, old_epoch, old_hash] {
    epoch_ = old_epoch;
    metadata_hash_ = old_hash;
  };
}

Undo ConsumerGroup::set_partition_metadata(bool exists) {
  const bool old = std::exchange(has_partition_metadata_, exists);
  return [this, old] { has_partition_metadata_ = old; };
}

Undo ConsumerGroup::set_assignment(int32_t epoch, Timestamp time) {
  const int32_t old_epoch = std::exchange(assignment_epoch_, epoch);
  const Timestamp old_time = std::exchange(assignment_time_, time);
  return [this, old_epoch, old_time] {
    assignment_epoch_ = old_epoch;
    assignment_time_ = old_time;
  };
}

Undo ConsumerGroup::set_member(const std::string& id, std::shared_ptr<const ConsumerMember> member) {
  std::shared_ptr<const ConsumerMember> old = find(id);
  exchange_member(id, std::move(member));
  return [this, id, old = std::move(old)] { exchange_member(id, old); };
}

Undo ConsumerGroup::set_target(const std::string& member_id, std::shared_ptr<const PartitionSets> target) {
  const auto exchange = [this](const std::string& id, std::shared_ptr<const PartitionSets> next) {
    if (next == nullptr) {
      targets_.erase(id);
    } else {
      targets_.insert_or_assign(id, std::move(next));
    }
  };
  const auto it = targets_.find(member_id);
  std::shared_ptr<const PartitionSets> old = it == targets_.end() ? nullptr : it->second;
  exchange(member_id, std::move(target));
  return [exchange, member_id, old = std::move(old)] { exchange(member_id, old); };
}

Undo ConsumerGroup::set_regex(const std::string& regex, std::shared_ptr<const ResolvedRegex> resolved) {
  const auto it = regexes_.find(regex);
  std::shared_ptr<const ResolvedRegex> old = it == regexes_.end() ? nullptr : it->second;
  exchange_regex(regex, std::move(resolved));
  return [this, regex, old = std::move(old)] { exchange_regex(regex, old); };
}

void ConsumerGroup::exchange_member(const std::string& id, std::shared_ptr<const ConsumerMember> member) {
  if (const auto it = members_.find(id); it != members_.end()) {
    count_member(*it->second, false);
    members_.erase(it);
  }
  if (member == nullptr) return;
  count_member(*member, true);
  members_.emplace(id, std::move(member));
}

void ConsumerGroup::exchange_regex(const std::string& regex, std::shared_ptr<const ResolvedRegex> resolved) {
  if (const auto it = regexes_.find(regex); it != regexes_.end()) {
    for (const auto& topic : it->second->topics) count_topic(topic, &Subscribers::by_regex, false);
    regexes_.erase(it);
  }
  if (resolved == nullptr) return;
  for (const auto& topic : resolved->topics) count_topic(topic, &Subscribers::by_regex, true);
  regexes_.emplace(regex, std::move(resolved));
}

void ConsumerGroup::count_topic(const std::string& topic, size_t Subscribers::* how, bool add) {
  Subscribers& subscribers = topics_[topic];
  subscribers.*how += add ? 1 : -1;
  if (subscribers.by_name == 0 && subscribers.by_regex == 0) topics_.erase(topic);
}

void ConsumerGroup::count_member(const ConsumerMember& member, bool add) {
  const ConsumerSubscription& subscription = member.subscription;
  const size_t size = size_of(member);
  memory_bytes_ += add ? size : -size;
  total_memory_bytes_ += add ? size : -size;
  for (const auto& topic : subscription.topics) count_topic(topic, &Subscribers::by_name, add);
  if (subscription.has_regex()) count(regex_members_, *subscription.topic_regex, add);
  if (subscription.server_assignor) count(assignors_, *subscription.server_assignor, add);
  if (subscription.classic) {
    classic_members_ += add ? 1 : -1;
    for (const auto& protocol : subscription.classic->protocols) count(classic_protocols_, protocol.name, add);
  }
  if (subscription.instance_id) {
    if (add) {
      static_members_.insert_or_assign(*subscription.instance_id, member.id);
    } else if (const auto it = static_members_.find(*subscription.instance_id);
               it != static_members_.end() && it->second == member.id) {
      static_members_.erase(it);
    }
  }
  for (const PartitionEpochs* partitions : {&member.progress.assigned, &member.progress.to_revoke}) {
    if (add) {
      own(*partitions, member.id);
    } else {
      disown(*partitions, member.id);
    }
  }
}

void ConsumerGroup::own(const PartitionEpochs& partitions, const std::string& member_id) {
  for (const auto& [topic, epochs] : partitions) {
    auto& owners = owners_[topic];
    for (const auto& [partition, epoch] : epochs) owners.insert_or_assign(partition, member_id);
  }
}

// Only what is still this member's: in a log of another's making two members may have named one partition.
void ConsumerGroup::disown(const PartitionEpochs& partitions, const std::string& member_id) {
  for (const auto& [topic, epochs] : partitions) {
    const auto owners = owners_.find(topic);
    if (owners == owners_.end()) continue;
    for (const auto& [partition, epoch] : epochs) {
      const auto it = owners->second.find(partition);
      if (it != owners->second.end() && it->second == member_id) owners->second.erase(it);
    }
    if (owners->second.empty()) owners_.erase(owners);
  }
}

ConsumerGroup::Timers* ConsumerGroup::find_timers(std::string_view member_id) {
  const auto it = timers_.find(std::string(member_id));
  return it == timers_.end() ? nullptr : &it->second;
}

}  // namespace weir::broker
