// ClassicGroup: the members of one group of the classic protocol and what follows from them: who leads, which protocol
// all of them speak, who is waited for. It keeps the books; GroupCoordinator decides what happens when. Owned by a
// GroupCoordinator, on its thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/timer.h"
#include "base/types.h"
#include "broker/group/group_reply.h"
#include "protocol/error_code.h"
#include "protocol/messages/group_metadata_value.h"
#include "protocol/messages/join_group_request.h"

namespace weir::broker {

enum class GroupState : uint8_t { kEmpty, kPreparingRebalance, kCompletingRebalance, kStable };

// As DescribeGroups and ListGroups show it.
std::string_view group_state_name(GroupState state);

// What a timer of a group was armed for.
struct GroupTimeout {
  enum class Kind : uint8_t {
    kSession,
    kPendingMember,
    kJoin,
    kSync,
    kConsumerSession,
    kConsumerRebalance,
    kConsumerJoin,
    kConsumerSync,
  };
  Kind kind;
  std::string group_id;
  std::string member_id;  // but of kJoin and kSync, which are the group's
};

// Notes its expiry in a list, which the coordinator works off when all due timers have been heard: a decision may
// destroy timers.
class GroupTimer final : public Timer {
 public:
  GroupTimer(std::vector<GroupTimeout>& expired, GroupTimeout timeout)
      : expired_(expired), timeout_(std::move(timeout)) {}
  void rename_member(std::string_view member_id) { timeout_.member_id = member_id; }

 private:
  void on_expiry() override { expired_.push_back(timeout_); }

  std::vector<GroupTimeout>& expired_;
  GroupTimeout timeout_;
};

struct GroupProtocol {
  std::string name;
  ByteVector metadata;

  friend bool operator==(const GroupProtocol&, const GroupProtocol&) = default;
};

std::vector<GroupProtocol> to_protocols(const protocol::JoinGroupRequest& request);

struct GroupMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  int32_t rebalance_timeout_ms = 0;
  int32_t session_timeout_ms = 0;
  std::vector<GroupProtocol> protocols;  // the preferred one first
  ByteVector assignment;
  bool is_new = false;         // has not got the answer to its first JoinGroup
  ReplyToken join = kNoReply;  // the JoinGroup that waits, if any; set by await_join and take_join of the group
  ReplyToken sync = kNoReply;  // the SyncGroup that waits, if any
  std::unique_ptr<GroupTimer> session;

  [[nodiscard]] bool awaits_join() const { return join != kNoReply; }
  [[nodiscard]] bool awaits_sync() const { return sync != kNoReply; }
  [[nodiscard]] bool speaks(const protocol::JoinGroupRequest& request) const;
  // The metadata for a protocol of its list; empty for others.
  [[nodiscard]] ByteView metadata(std::string_view protocol) const;
  // About what it takes in memory.
  [[nodiscard]] size_t size() const;
};

class ClassicGroup {
 public:
  // `memory_bytes` is the sum over all groups of a coordinator; this one keeps its part of it up to date.
  ClassicGroup(std::string id, std::vector<GroupTimeout>& expired, size_t& memory_bytes, Timestamp now);
  ClassicGroup(const ClassicGroup&) = delete;
  ClassicGroup& operator=(const ClassicGroup&) = delete;
  ~ClassicGroup() { total_memory_bytes_ -= memory_bytes_; }

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] GroupState state() const { return state_; }
  // Checks that the transition is a legal one.
  void move_to(GroupState state, Timestamp now);
  // The time of the last move, or none where an old record did not say.
  [[nodiscard]] std::optional<Timestamp> state_since() const { return state_since_; }
  [[nodiscard]] bool in_initial_rebalance() const {
    return state_ == GroupState::kPreparingRebalance && previous_state_ == GroupState::kEmpty;
  }
  [[nodiscard]] bool can_rebalance() const { return state_ != GroupState::kPreparingRebalance; }
  [[nodiscard]] int32_t generation() const { return generation_; }
  [[nodiscard]] const std::optional<std::string>& protocol_type() const { return protocol_type_; }
  [[nodiscard]] const std::optional<std::string>& protocol_name() const { return protocol_name_; }
  [[nodiscard]] const std::optional<std::string>& leader() const { return leader_; }
  [[nodiscard]] bool is_leader(std::string_view member_id) const { return leader_ && *leader_ == member_id; }

  // Members in the order in which they joined first.
  [[nodiscard]] const std::vector<std::unique_ptr<GroupMember>>& members() const { return members_; }
  [[nodiscard]] GroupMember* find(std::string_view member_id) const;
  [[nodiscard]] GroupMember* find_static(std::string_view instance_id) const;
  // The first member decides the group's protocol type.
  GroupMember& add(GroupMember member, std::string_view protocol_type);
  void update(GroupMember& member, std::vector<GroupProtocol> protocols, int32_t rebalance_timeout_ms,
              int32_t session_timeout_ms);
  void assign(GroupMember& member, ByteVector assignment);
  // Also when it is only pending. The caller has answered what it waits for.
  void remove(std::string_view member_id);
  // The instance goes on under a new member id, with everything it had but what it waits for.
  void rename(GroupMember& member, std::string_view new_id);
  // kNone, kUnknownMemberId or kFencedInstanceId.
  [[nodiscard]] protocol::ErrorCode validate(std::string_view member_id,
                                             const std::optional<std::string_view>& instance_id) const;

  // Ids that were given out and have not joined yet.
  void add_pending(std::string_view member_id);
  [[nodiscard]] bool is_pending(std::string_view member_id) const { return pending_.contains(std::string(member_id)); }
  [[nodiscard]] size_t pending_count() const { return pending_.size(); }
  [[nodiscard]] GroupTimer& pending_timer(std::string_view member_id) { return *pending_.at(std::string(member_id)); }

  // Members that have not sent SyncGroup in this generation.
  [[nodiscard]] const std::set<std::string>& pending_sync() const { return pending_sync_; }
  void expect_sync(const GroupMember& member) { pending_sync_.insert(member.id); }
  // True when nobody is left to be waited for.
  bool sync_arrived(std::string_view member_id);

  // The member waits for the rebalance to end. It must not wait already.
  void await_join(GroupMember& member, ReplyToken join);
  // Whom to answer, if anybody; the member waits no more.
  ReplyToken take_join(GroupMember& member);
  [[nodiscard]] size_t awaiting_join_count() const { return awaiting_join_count_; }
  [[nodiscard]] bool all_have_joined() const { return pending_.empty() && awaiting_join_count_ == members_.size(); }
  // The longest of the members'; zero without members.
  [[nodiscard]] milliseconds rebalance_timeout() const;
  // Whether the one who sends this would have a protocol in common with all members.
  [[nodiscard]] bool supports(const protocol::JoinGroupRequest& request) const;
  // The protocol that all support and most prefer. There are members.
  [[nodiscard]] std::string select_protocol() const;
  // Makes sure that a member that has joined leads; false when none has.
  bool elect_joined_leader();
  // The next generation, with the members as they are: kCompletingRebalance, or kEmpty without members.
  void begin_generation(Timestamp now);

  // Whether a member reads the topic: known for stable groups of consumers only; none when it cannot be known.
  [[nodiscard]] const std::optional<std::set<std::string, std::less<>>>& subscribed_topics() const {
    return subscribed_;
  }
  // Consumers whose subscriptions cannot be read may read anything.
  [[nodiscard]] bool is_subscribed(std::string_view topic) const;

  // Of a new group with members that have their assignments: the first of its members leads.
  void become_stable(int32_t generation, Timestamp now);
  // Replaces everything by what a record says. The group is kStable, or kEmpty without members.
  void load(const protocol::GroupMetadataValue& value);

  GroupTimer join_timer;  // the end of the rebalance; of an empty group, the next try to write that it is
  GroupTimer sync_timer;
  // The first rebalance of an empty group is prolonged by newcomers: by what it may still be prolonged.
  bool newcomer_in_initial_rebalance = false;
  milliseconds initial_delay{0};
  milliseconds initial_remaining{0};
  // Whether the log has a record of the group that is not a tombstone.
  bool persisted = false;

 private:
  void compute_subscribed_topics();
  void grow(size_t bytes) { memory_bytes_ += bytes, total_memory_bytes_ += bytes; }
  void shrink(size_t bytes);
  void count_protocols(const GroupMember& member, int delta);
  [[nodiscard]] std::unique_ptr<GroupTimer> new_timer(GroupTimeout::Kind kind, std::string_view member_id) const;

  std::string id_;
  std::vector<GroupTimeout>& expired_;
  GroupState state_ = GroupState::kEmpty;
  GroupState previous_state_ = GroupState::kEmpty;
  std::optional<Timestamp> state_since_;
  int32_t generation_ = 0;
  std::optional<std::string> protocol_type_;
  std::optional<std::string> protocol_name_;
  std::optional<std::string> leader_;
  std::vector<std::unique_ptr<GroupMember>> members_;
  std::unordered_map<std::string, GroupMember*> by_id_;
  std::unordered_map<std::string, GroupMember*> by_instance_;
  std::map<std::string, std::unique_ptr<GroupTimer>> pending_;
  std::set<std::string> pending_sync_;
  size_t awaiting_join_count_ = 0;
  std::map<std::string, size_t, std::less<>> supporters_;  // of each protocol
  std::optional<std::set<std::string, std::less<>>> subscribed_;
  size_t memory_bytes_ = 0;
  size_t& total_memory_bytes_;
};

}  // namespace weir::broker
