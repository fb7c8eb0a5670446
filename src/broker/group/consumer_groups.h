// ConsumerGroups: the part of a group coordinator that decides for groups of the consumer protocol (KIP-848). A
// decision is a ConsumerChange: records that have taken effect here already, through apply(), as they do when they are
// loaded, and how to take them back should the log refuse them. Owned by GroupCoordinator, on its thread.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/timer.h"
#include "broker/group/consumer_assignors.h"
#include "broker/group/consumer_group.h"
#include "broker/group/consumer_records.h"
#include "broker/group/group_config.h"
#include "broker/group/group_reply.h"
#include "broker/group/group_request.h"
#include "broker/group/group_time.h"
#include "broker/group/topic_catalog.h"
#include "protocol/messages/consumer_group_describe_response.h"
#include "protocol/messages/consumer_group_heartbeat_request.h"
#include "protocol/messages/offset_commit_request.h"

namespace weir::broker {

class ConsumerGroups;

// What a client is told that asked for something impossible.
struct GroupError {
  protocol::ErrorCode code;
  std::string message;
};
template <class T>
using Decided = std::expected<T, GroupError>;

// The records of one decision. Those put take effect at once; unless the change is taken, it takes them back at its
// end.
class ConsumerChange {
 public:
  ConsumerChange(ConsumerGroups& groups, std::string_view group_id) : groups_(groups), group_id_(group_id) {}
  ConsumerChange(const ConsumerChange&) = delete;
  ConsumerChange& operator=(const ConsumerChange&) = delete;
  ~ConsumerChange() { undo_all(undo_); }

  void put(const ConsumerRecord& record);
  // A record of another kind, which takes effect by itself when it is committed.
  void add(CoordinatorRecord record) { records_.push_back(std::move(record)); }
  // Of an effect besides those of records.
  void on_undo(Undo undo) { undo_.push_back(std::move(undo)); }

  [[nodiscard]] const std::string& group_id() const { return group_id_; }
  [[nodiscard]] std::vector<CoordinatorRecord> take_records() { return std::exchange(records_, {}); }
  [[nodiscard]] std::vector<Undo> take_undo() { return std::exchange(undo_, {}); }
  static void undo_all(std::vector<Undo>& undo);

 private:
  ConsumerGroups& groups_;
  std::string group_id_;
  std::vector<CoordinatorRecord> records_;
  std::vector<Undo> undo_;
};

class ConsumerGroups {
 public:
  // All references outlive it.
  ConsumerGroups(const GroupConfig& config, const TopicCatalog& topics, TimerQueue& timers,
                 std::vector<GroupTimeout>& expired, size_t& memory_bytes)
      : config_(config), topics_(topics), timers_(timers), expired_(expired), memory_bytes_(memory_bytes) {}
  ConsumerGroups(const ConsumerGroups&) = delete;
  ConsumerGroups& operator=(const ConsumerGroups&) = delete;

  [[nodiscard]] ConsumerGroup* find(std::string_view group_id) const;
  [[nodiscard]] const std::map<std::string, std::unique_ptr<ConsumerGroup>, std::less<>>& all() const {
    return groups_;
  }

  // The one place where records take effect, when loading and when running.
  [[nodiscard]] Undo apply(const ConsumerRecord& record);
  // Begins the sessions of all members.
  void loaded(GroupTime now);
  // Changes were taken back: members that are there again have sessions again.
  void reverted(std::string_view group_id, GroupTime now);

  // consumer_heartbeat.cc
  // The answer to a request that was checked, but for its member. A group that does not exist is made by who joins it.
  [[nodiscard]] Decided<Owned<protocol::ConsumerGroupHeartbeatResponse>> heartbeat(
      const GroupRequestContext& context, const protocol::ConsumerGroupHeartbeatRequest& request,
      const std::string& new_member_id, GroupTime now, ConsumerChange& change);

  // consumer_membership.cc
  // Who it is that wants to leave. A static member that will be back is put aside; `gone` is who is to be fenced.
  struct Leaving {
    Owned<protocol::ConsumerGroupHeartbeatResponse> answer;
    std::vector<std::shared_ptr<const ConsumerMember>> gone;
  };
  [[nodiscard]] Decided<Leaving> leave(const protocol::ConsumerGroupHeartbeatRequest& request, ConsumerChange& change);
  // Removes members, whatever they have. They exist.
  void fence(ConsumerGroup& group, std::span<const std::shared_ptr<const ConsumerMember>> members,
             ConsumerChange& change);
  // Whether the timeout makes the member be fenced.
  [[nodiscard]] std::shared_ptr<const ConsumerMember> timed_out(const GroupTimeout& timeout);
  // Tombstones for everything of the group.
  void remove(const ConsumerGroup& group, ConsumerChange& change);
  // A static member goes on under another id, with what it had.
  std::shared_ptr<const ConsumerMember> replace(ConsumerGroup& group, const ConsumerMember& member,
                                                const std::string& new_id, ConsumerChange& change);

  // consumer_regex.cc
  // Whether there are expressions to be matched with the topics now.
  [[nodiscard]] bool wants_regexes(const ConsumerGroup& group, GroupTime now) const;
  void resolve_regexes(ConsumerGroup& group, GroupTime now, ConsumerChange& change);

  // consumer_queries.cc
  [[nodiscard]] Owned<protocol::ConsumerGroupDescribeResponse::DescribedGroup> describe(
      const ConsumerGroup& group) const;
  // For a commit as a whole; kNone leaves it to may_commit_to() for each partition.
  [[nodiscard]] protocol::ErrorCode validate_commit(const ConsumerGroup& group, int16_t api_version,
                                                    const protocol::OffsetCommitRequest& request) const;
  // A member that has not heard of its new epoch may still commit for what it has had since before.
  [[nodiscard]] static protocol::ErrorCode may_commit_to(const ConsumerGroup& group, std::string_view member_id,
                                                         int32_t epoch, const Uuid& topic, int32_t partition);
  [[nodiscard]] protocol::ErrorCode validate_fetch(const ConsumerGroup& group,
                                                   const std::optional<std::string_view>& member_id,
                                                   int32_t epoch) const;

  // Something about topics that groups may read has changed. `any_new`: there are new ones.
  void topics_changed(std::span<const std::string> names, bool any_new);

  // Shared by the decisions of both protocols.
  enum class RegexChange : uint8_t { kNone, kUnresolved, kResolved };
  // Writes what has changed of the member. Whether the topics that it names have.
  bool update_subscription(const ConsumerMember& before, const ConsumerSubscription& after, ConsumerChange& change);
  [[nodiscard]] Decided<RegexChange> update_regex(ConsumerGroup& group, const ConsumerMember& before,
                                                  const ConsumerSubscription& after, ConsumerChange& change);
  // A new epoch when `bump` says so or the topics of the group are not what they were.
  void update_epoch(ConsumerGroup& group, bool bump, ConsumerChange& change);
  // The epoch of a group that has had one as a classic group.
  void begin_at(std::string_view group_id, int32_t epoch, ConsumerChange& change);
  void update_target(ConsumerGroup& group, GroupTime now, ConsumerChange& change);
  // The member's next step, and what follows from it for its time to revoke. False: it must give up everything first.
  [[nodiscard]] bool reconcile_member(ConsumerGroup& group, std::string_view member_id, bool subscription_changed,
                                      const PartitionSets* owned, GroupTime now, ConsumerChange& change);
  [[nodiscard]] bool is_full(const ConsumerGroup& group, std::string_view member_id) const;
  ConsumerGroup& find_or_create(std::string_view group_id, ConsumerChange& change);
  void restart_session(ConsumerGroup& group, const ConsumerMember& member, GroupTime now);
  void arm(std::unique_ptr<GroupTimer>& timer, GroupTimeout::Kind kind, const ConsumerGroup& group,
           std::string_view member_id, milliseconds after, GroupTime now);

 private:
  Decided<std::shared_ptr<const ConsumerMember>> find_or_admit(ConsumerGroup& group,
                                                               const protocol::ConsumerGroupHeartbeatRequest& request,
                                                               const std::string& member_id, ConsumerChange& change);
  [[nodiscard]] int32_t setting(std::string_view group_id, std::string_view key, int32_t min, int32_t max) const;
  [[nodiscard]] Assignor assignor_of(const ConsumerGroup& group) const;
  [[nodiscard]] std::vector<Uuid> topic_ids(const std::set<std::string, std::less<>>& names) const;

  const GroupConfig& config_;
  const TopicCatalog& topics_;
  TimerQueue& timers_;
  std::vector<GroupTimeout>& expired_;
  size_t& memory_bytes_;
  std::map<std::string, std::unique_ptr<ConsumerGroup>, std::less<>> groups_;
  int64_t new_topics_version_ = 0;  // of the last metadata that had new topics
};

}  // namespace weir::broker
