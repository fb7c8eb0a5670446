// ConsumerGroup: the members of one group of the consumer protocol (KIP-848), what each is to have and what each has.
// It keeps the books and changes only by records, one setter for each kind; each setter returns how to take the change
// back, for when the log refuses the record. ConsumerGroups decides what happens when. Owned by ConsumerGroups, on its
// thread. Records: consumer_records.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "base/uuid.h"
#include "broker/group/classic_group.h"

namespace weir::broker {

// A member's epoch: the epoch of the target assignment that it has taken up, or one of these.
inline constexpr int32_t kJoinEpoch = 0;
inline constexpr int32_t kLeaveEpoch = -1;
inline constexpr int32_t kLeaveStaticEpoch = -2;

using PartitionSets = std::map<Uuid, std::set<int32_t>>;
// Each partition with the epoch in which its owner got it.
using PartitionEpochs = std::map<Uuid, std::map<int32_t, int32_t>>;

// The numbers are those of the records.
enum class ConsumerMemberState : int8_t {
  kStable = 0,                // has what the target gives it
  kUnrevokedPartitions = 1,   // is to give up partitions before it moves on
  kUnreleasedPartitions = 2,  // waits for partitions that others have not given up yet
  kUnknown = 127,             // written by a later version
};

// What a member of the classic protocol has said of itself, in a group of the consumer protocol.
struct ClassicMembership {
  int32_t session_timeout_ms = 0;
  std::vector<GroupProtocol> protocols;

  friend bool operator==(const ClassicMembership&, const ClassicMembership&) = default;
};

// What a member wants and who it is: record type 5.
struct ConsumerSubscription {
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  std::set<std::string, std::less<>> topics;
  std::optional<std::string> topic_regex = "";  // empty: none
  int32_t rebalance_timeout_ms = -1;
  std::optional<std::string> server_assignor;
  std::optional<ClassicMembership> classic;

  [[nodiscard]] bool has_regex() const { return topic_regex && !topic_regex->empty(); }
  friend bool operator==(const ConsumerSubscription&, const ConsumerSubscription&) = default;
};

// What a member has: record type 8.
struct ConsumerProgress {
  int32_t epoch = 0;
  int32_t previous_epoch = -1;
  ConsumerMemberState state = ConsumerMemberState::kStable;
  PartitionEpochs assigned;
  PartitionEpochs to_revoke;

  friend bool operator==(const ConsumerProgress&, const ConsumerProgress&) = default;
};

struct ConsumerMember {
  std::string id;
  ConsumerSubscription subscription;
  ConsumerProgress progress;

  [[nodiscard]] bool is_classic() const { return subscription.classic.has_value(); }
  [[nodiscard]] bool is_reconciled_to(int32_t epoch) const {
    return progress.state == ConsumerMemberState::kStable && progress.epoch == epoch;
  }
};

// The topics that a regular expression stands for: record type 16.
struct ResolvedRegex {
  std::set<std::string, std::less<>> topics;
  int64_t version = 0;  // of the metadata that was looked at
  Timestamp time;

  friend bool operator==(const ResolvedRegex&, const ResolvedRegex&) = default;
};

enum class ConsumerGroupState : uint8_t { kEmpty, kAssigning, kReconciling, kStable };

// As ConsumerGroupDescribe and ListGroups show it.
std::string_view group_state_name(ConsumerGroupState state);

// Takes back a change; to be called at most once, and in the reverse order of the changes.
using Undo = std::move_only_function<void()>;

class ConsumerGroup {
 public:
  using Members = std::map<std::string, std::shared_ptr<const ConsumerMember>, std::less<>>;
  using Targets = std::map<std::string, std::shared_ptr<const PartitionSets>, std::less<>>;
  using Regexes = std::map<std::string, std::shared_ptr<const ResolvedRegex>, std::less<>>;

  // Of a member, each armed or not. Not part of what records say.
  struct Timers {
    std::unique_ptr<GroupTimer> session;
    std::unique_ptr<GroupTimer> rebalance;
    int32_t rebalance_epoch = 0;       // in which the member was asked to revoke
    std::unique_ptr<GroupTimer> join;  // of a member of the classic protocol: to join again
    std::unique_ptr<GroupTimer> sync;  // and to fetch its assignment
  };

  // `memory_bytes` is the sum over all groups of a coordinator; this one keeps its part of it up to date.
  ConsumerGroup(std::string id, size_t& memory_bytes);
  ConsumerGroup(const ConsumerGroup&) = delete;
  ConsumerGroup& operator=(const ConsumerGroup&) = delete;
  ~ConsumerGroup() { total_memory_bytes_ -= memory_bytes_; }

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] ConsumerGroupState state() const;
  [[nodiscard]] int32_t epoch() const { return epoch_; }
  [[nodiscard]] int64_t metadata_hash() const { return metadata_hash_; }
  [[nodiscard]] int32_t assignment_epoch() const { return assignment_epoch_; }
  [[nodiscard]] Timestamp assignment_time() const { return assignment_time_; }
  // Whether the log has a record of type 4, which versions before 4.1 wrote.
  [[nodiscard]] bool has_partition_metadata() const { return has_partition_metadata_; }

  [[nodiscard]] const Members& members() const { return members_; }
  [[nodiscard]] std::shared_ptr<const ConsumerMember> find(std::string_view member_id) const;
  [[nodiscard]] std::shared_ptr<const ConsumerMember> find_static(std::string_view instance_id) const;
  [[nodiscard]] const Targets& targets() const { return targets_; }
  // Nothing for a member that the last assignment did not know.
  [[nodiscard]] const PartitionSets& target(std::string_view member_id) const;
  [[nodiscard]] const Regexes& regexes() const { return regexes_; }
  [[nodiscard]] size_t regex_subscribers(std::string_view regex) const;
  // Those that members subscribe to, resolved or not.
  [[nodiscard]] const std::map<std::string, size_t, std::less<>>& subscribed_regexes() const { return regex_members_; }
  // By name or through a resolved expression.
  [[nodiscard]] bool is_subscribed(std::string_view topic) const { return topics_.contains(topic); }
  [[nodiscard]] std::vector<std::string_view> subscribed_topics() const;
  // Those that this member reads: the ones it names, and the ones its expression stands for as far as that is known.
  [[nodiscard]] std::set<std::string, std::less<>> topics_of(const ConsumerMember& member) const;
  // Whether each member names the same topics, and nothing but names.
  [[nodiscard]] bool is_homogeneous() const;
  // What most members ask for; nothing when none asks.
  [[nodiscard]] std::optional<std::string> preferred_assignor() const;
  [[nodiscard]] size_t classic_members() const { return classic_members_; }
  // Whether every member of the classic protocol supports one of these protocols.
  [[nodiscard]] bool supports_classic(const std::vector<GroupProtocol>& protocols) const;
  // Whether a member holds the partition or is about to revoke it.
  [[nodiscard]] bool is_owned(const Uuid& topic, int32_t partition) const;
  // Whether a partition of the member's target is still another's.
  [[nodiscard]] bool waits_for_unreleased(const ConsumerMember& member) const;

  // Records. nullptr: a tombstone.
  [[nodiscard]] Undo set_epoch(int32_t epoch, int64_t metadata_hash);
  [[nodiscard]] Undo set_partition_metadata(bool exists);
  [[nodiscard]] Undo set_member(const std::string& id, std::shared_ptr<const ConsumerMember> member);
  [[nodiscard]] Undo set_target(const std::string& member_id, std::shared_ptr<const PartitionSets> target);
  [[nodiscard]] Undo set_assignment(int32_t epoch, Timestamp time);
  [[nodiscard]] Undo set_regex(const std::string& regex, std::shared_ptr<const ResolvedRegex> resolved);

  [[nodiscard]] Timers& timers(std::string_view member_id) { return timers_[std::string(member_id)]; }
  // nullptr when the member never had one.
  [[nodiscard]] Timers* find_timers(std::string_view member_id);
  void drop_timers(std::string_view member_id) { timers_.erase(std::string(member_id)); }

  // A topic of the group may have changed since its hash was made: the next heartbeat looks.
  bool refresh_due = true;

 private:
  struct Subscribers {
    size_t by_name = 0;
    size_t by_regex = 0;
  };
  void exchange_member(const std::string& id, std::shared_ptr<const ConsumerMember> member);
  void exchange_regex(const std::string& regex, std::shared_ptr<const ResolvedRegex> resolved);
  void count_member(const ConsumerMember& member, bool add);
  void count_topic(const std::string& topic, size_t Subscribers::* how, bool add);
  void own(const PartitionEpochs& partitions, const std::string& member_id);
  void disown(const PartitionEpochs& partitions, const std::string& member_id);

  std::string id_;
  int32_t epoch_ = 0;
  int64_t metadata_hash_ = 0;
  bool has_partition_metadata_ = false;
  int32_t assignment_epoch_ = 0;
  Timestamp assignment_time_{0};
  Members members_;
  Targets targets_;
  Regexes regexes_;
  std::map<std::string, std::string, std::less<>> static_members_;  // instance id to member id
  std::map<std::string, Subscribers, std::less<>> topics_;
  std::map<std::string, size_t, std::less<>> regex_members_;
  std::map<std::string, size_t, std::less<>> assignors_;
  std::map<std::string, size_t, std::less<>> classic_protocols_;
  size_t classic_members_ = 0;
  std::unordered_map<Uuid, std::unordered_map<int32_t, std::string>> owners_;
  std::unordered_map<std::string, Timers> timers_;
  size_t memory_bytes_ = 0;
  size_t& total_memory_bytes_;
};

}  // namespace weir::broker
