// What must hold of group coordinators whatever happens, each under its name, for tests and the simulator. A checker is
// fed what a client or the log can see; check() gives the first breach in words, or nothing. Any one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "broker/group/topic_partition.h"

namespace weir::broker {

// The partitions in an assignment of the consumer's own format. kCorrupt for other bytes.
Result<std::vector<TopicPartition>> assigned_partitions(ByteView assignment);

// No two members own one partition in one generation. Fed with the successful answers of SyncGroup.
class NoPartitionHasTwoOwners {
 public:
  static constexpr std::string_view kName = "NoPartitionHasTwoOwners";
  void on_assignment(std::string_view group_id, int32_t generation, std::string_view member_id, ByteView assignment);
  [[nodiscard]] const std::optional<std::string>& check() const { return breach_; }

 private:
  std::map<std::pair<std::string, int32_t>, std::map<TopicPartition, std::string>> owners_;
  std::optional<std::string> breach_;
};

// What a coordinator has answered a JoinGroup with, no later answer of the same group goes below, unless the group was
// deleted.
class GenerationNeverGoesBack {
 public:
  static constexpr std::string_view kName = "GenerationNeverGoesBack";
  void on_generation(std::string_view group_id, int32_t generation);
  // The group was deleted, or its coordinator was lost before the generation was written.
  void on_reset(std::string_view group_id) { generations_.erase(std::string(group_id)); }
  [[nodiscard]] const std::optional<std::string>& check() const { return breach_; }

 private:
  std::map<std::string, int32_t> generations_;
  std::optional<std::string> breach_;
};

// An offset whose commit was acknowledged is what is fetched, until another is committed or it is deleted. A commit
// whose outcome the client does not know may or may not have happened.
class CommittedOffsetIsNeverLost {
 public:
  static constexpr std::string_view kName = "CommittedOffsetIsNeverLost";
  void on_attempt(std::string_view group_id, const TopicPartition& partition, int64_t offset);
  void on_acknowledged(std::string_view group_id, const TopicPartition& partition, int64_t offset);
  void on_deleted(std::string_view group_id, const TopicPartition& partition);
  // -1: nothing was found.
  void on_fetched(std::string_view group_id, const TopicPartition& partition, int64_t offset);
  [[nodiscard]] const std::optional<std::string>& check() const { return breach_; }

 private:
  struct History {
    std::optional<int64_t> acknowledged;
    std::vector<int64_t> attempts;  // since then
  };
  std::map<std::pair<std::string, TopicPartition>, History> histories_;
  std::optional<std::string> breach_;
};

}  // namespace weir::broker
