#include "broker/group/offset_store.h"

#include <algorithm>

#include "base/check.h"

namespace weir::broker {
namespace {

constexpr size_t kEntryOverhead = 224;

}  // namespace

OffsetStore::Entry& OffsetStore::entry(std::string_view group_id, const TopicPartition& partition) {
  Topics& topics = groups_[std::string(group_id)];
  const auto [it, added] = topics[partition.topic].try_emplace(partition.partition);
  if (added) memory_bytes_ += kEntryOverhead;
  return it->second;
}

OffsetStore::Entry* OffsetStore::find_mutable(std::string_view group_id, const TopicPartition& partition) {
  return const_cast<Entry*>(find(group_id, partition.topic, partition.partition));
}

const OffsetStore::Topics* OffsetStore::find(std::string_view group_id) const {
  const auto it = groups_.find(std::string(group_id));
  return it == groups_.end() ? nullptr : &it->second;
}

const OffsetStore::Entry* OffsetStore::find(std::string_view group_id, std::string_view topic,
                                            int32_t partition) const {
  const Topics* topics = find(group_id);
  if (topics == nullptr) return nullptr;
  const auto partitions = topics->find(topic);
  if (partitions == topics->end()) return nullptr;
  const auto it = partitions->second.find(partition);
  return it == partitions->second.end() ? nullptr : &it->second;
}

void OffsetStore::set_committed(Entry& entry, std::optional<CommittedOffset> offset) {
  if (entry.committed) {
    memory_bytes_ -= entry.committed->metadata.size();
    --size_;
  }
  entry.committed = std::move(offset);
  if (entry.committed) {
    memory_bytes_ += entry.committed->metadata.size();
    ++size_;
  }
}

void OffsetStore::erase_if_empty(std::string_view group_id, const TopicPartition& partition) {
  const auto group = groups_.find(std::string(group_id));
  const auto topic = group->second.find(partition.topic);
  const auto it = topic->second.find(partition.partition);
  if (it->second.committed || !it->second.pending.empty() || it->second.writes > 0) return;
  topic->second.erase(it);
  memory_bytes_ -= kEntryOverhead;
  if (topic->second.empty()) group->second.erase(topic);
  if (group->second.empty()) groups_.erase(group);
}

void OffsetStore::put(std::string_view group_id, const TopicPartition& partition, CommittedOffset offset,
                      ProducerId producer) {
  Entry& entry = this->entry(group_id, partition);
  if (producer == kNoProducerId) {
    set_committed(entry, std::move(offset));
    return;
  }
  auto& pending = transactions_[producer.value()];
  PendingKey key{std::string(group_id), partition};
  if (const auto it = pending.find(key); it != pending.end()) {
    memory_bytes_ -= it->second.metadata.size();
  } else {
    entry.pending.push_back(producer);
    memory_bytes_ += kEntryOverhead;
  }
  memory_bytes_ += offset.metadata.size();
  pending.insert_or_assign(std::move(key), std::move(offset));
}

void OffsetStore::remove(std::string_view group_id, const TopicPartition& partition) {
  Entry* entry = find_mutable(group_id, partition);
  if (entry == nullptr) return;
  set_committed(*entry, std::nullopt);
  for (const ProducerId producer : std::exchange(entry->pending, {})) {
    const auto transaction = transactions_.find(producer.value());
    const auto it = transaction->second.find({std::string(group_id), partition});
    memory_bytes_ -= kEntryOverhead + it->second.metadata.size();
    transaction->second.erase(it);
    if (transaction->second.empty()) transactions_.erase(transaction);
  }
  erase_if_empty(group_id, partition);
}

void OffsetStore::end_transaction(ProducerId producer, bool committed) {
  auto transaction = transactions_.extract(producer.value());
  if (!transaction) return;
  for (auto& [key, offset] : transaction.mapped()) {
    memory_bytes_ -= kEntryOverhead + offset.metadata.size();
    Entry* entry = find_mutable(key.group_id, key.partition);
    CHECK(entry != nullptr, "group {} has lost a pending offset", key.group_id);
    std::erase(entry->pending, producer);
    const bool newer = !entry->committed || entry->committed->record_offset < offset.record_offset;
    if (committed && newer) set_committed(*entry, std::move(offset));
    erase_if_empty(key.group_id, key.partition);
  }
}

void OffsetStore::begin_write(std::string_view group_id, const TopicPartition& partition) {
  ++entry(group_id, partition).writes;
}

void OffsetStore::end_write(std::string_view group_id, const TopicPartition& partition) {
  Entry* entry = find_mutable(group_id, partition);
  CHECK(entry != nullptr && entry->writes > 0, "group {} ends a write that it did not begin", group_id);
  --entry->writes;
  erase_if_empty(group_id, partition);
}

bool OffsetStore::has_writes(std::string_view group_id) const {
  const Topics* topics = find(group_id);
  if (topics == nullptr) return false;
  return std::ranges::any_of(*topics, [](const auto& topic) {
    return std::ranges::any_of(topic.second, [](const auto& partition) { return partition.second.writes > 0; });
  });
}

std::vector<std::string> OffsetStore::groups_with(const TopicPartition& partition) const {
  std::vector<std::string> ids;
  for (const auto& [id, topics] : groups_) {
    if (find(id, partition.topic, partition.partition) != nullptr) ids.push_back(id);
  }
  std::ranges::sort(ids);  // decisions must not depend on the order of a hash table, or a simulation would not repeat
  return ids;
}

}  // namespace weir::broker
