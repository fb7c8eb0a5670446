// OffsetStore: the committed offsets of all groups of one coordinator, and those that wait for the end of a
// transaction. It changes only by what is committed in the log (put, remove, end_transaction), so that running and
// loading build the same. Besides it counts the writes that are under way, so that nobody deletes a group past them.
// Owned by a GroupCoordinator, on its thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/group/group_records.h"

namespace weir::broker {

class OffsetStore {
 public:
  struct Entry {
    std::optional<CommittedOffset> committed;
    std::vector<ProducerId> pending;  // producers with an open transaction that sets it
    uint32_t writes = 0;              // records decided and neither committed nor failed
  };
  using Partitions = std::map<int32_t, Entry>;
  using Topics = std::map<std::string, Partitions, std::less<>>;

  // A record in the log. `producer` is kNoProducerId outside transactions.
  void put(std::string_view group_id, const TopicPartition& partition, CommittedOffset offset, ProducerId producer);
  // A tombstone: the offset is gone, and what transactions would have set it to.
  void remove(std::string_view group_id, const TopicPartition& partition);
  // A marker. Of a transaction's and a plain commit the later record in the log wins, whatever the order of their ends.
  void end_transaction(ProducerId producer, bool committed);

  void begin_write(std::string_view group_id, const TopicPartition& partition);
  void end_write(std::string_view group_id, const TopicPartition& partition);

  // nullptr when the group has nothing: neither offsets nor pending ones nor writes.
  [[nodiscard]] const Topics* find(std::string_view group_id) const;
  [[nodiscard]] const Entry* find(std::string_view group_id, std::string_view topic, int32_t partition) const;
  // Whether a commit of the group is under way.
  [[nodiscard]] bool has_writes(std::string_view group_id) const;
  // The groups that have something of the partition.
  [[nodiscard]] std::vector<std::string> groups_with(const TopicPartition& partition) const;
  // Calls visit(group id, topic, partition, offset) for each committed offset.
  template <class Visit>
  void for_each_committed(Visit visit) const {
    for (const auto& [group_id, topics] : groups_) {
      for (const auto& [topic, partitions] : topics) {
        for (const auto& [partition, entry] : partitions) {
          if (entry.committed) visit(group_id, topic, PartitionIndex(partition), entry.committed->offset);
        }
      }
    }
  }
  // Partitions with a committed offset.
  [[nodiscard]] size_t size() const { return size_; }
  // About what the entries take in memory.
  [[nodiscard]] size_t memory_bytes() const { return memory_bytes_; }

 private:
  struct PendingKey {
    std::string group_id;
    TopicPartition partition;
    friend auto operator<=>(const PendingKey&, const PendingKey&) = default;
  };

  Entry& entry(std::string_view group_id, const TopicPartition& partition);
  Entry* find_mutable(std::string_view group_id, const TopicPartition& partition);
  void set_committed(Entry& entry, std::optional<CommittedOffset> offset);
  void erase_if_empty(std::string_view group_id, const TopicPartition& partition);

  std::unordered_map<std::string, Topics> groups_;
  std::map<int64_t, std::map<PendingKey, CommittedOffset>> transactions_;  // by producer id
  size_t size_ = 0;
  size_t memory_bytes_ = 0;
};

}  // namespace weir::broker
