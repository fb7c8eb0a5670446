// GroupMembership: a Consumer's membership in a classic group: joins, takes part in the assignment, sends heartbeats,
// leaves. It works in tasks of its own, which share it; the Consumer looks at what it reached. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/assignor.h"
#include "client/offsets.h"
#include "protocol/error_code.h"
#include "weir/consumer.h"

namespace weir::client {

class GroupMembership : public std::enable_shared_from_this<GroupMembership> {
 public:
  // kInvalidArgument for an assignor that does not exist.
  static Result<std::shared_ptr<GroupMembership>> make(std::shared_ptr<Cluster> cluster, const ConsumerOptions& options,
                                                       std::vector<std::string> topics);
  GroupMembership(std::shared_ptr<Cluster> cluster, const ConsumerOptions& options, std::vector<std::string> topics);

  enum class State : uint8_t {
    kOut,      // no member, or one that must join again: call join()
    kJoining,  // waits for the others
    kIn,       // has an assignment
    kGone,     // has left for good
  };
  [[nodiscard]] State state() const { return state_; }
  // Called at each change of the state.
  void set_listener(std::function<void()> listener) { listener_ = std::move(listener); }
  // Completed so far: rises when assignment() is new.
  [[nodiscard]] uint64_t joins() const { return joins_; }
  // Whether the member gives everything up before it joins again (eager), or keeps it (cooperative).
  [[nodiscard]] bool is_cooperative() const { return cooperative_; }
  // The membership was lost since the last join(): others may read the partitions already.
  [[nodiscard]] bool lost() const { return lost_; }
  // What keeps the member out for good; join() clears it.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] const std::vector<TopicPartition>& assignment() const { return assignment_; }

  // Starts joining, telling what the consumer still reads.
  void join(std::vector<TopicPartition> owned);
  // The consumer was polled: the membership is worth keeping.
  void touch() { last_poll_ = cluster_->now(); }
  Task<void> leave(MonotonicTime deadline);

  Coordinator& coordinator() { return coordinator_; }
  [[nodiscard]] CommitIdentity commit_identity() const { return {generation_, member_id_, options_.group_instance}; }
  // A commit was refused because the group moves on.
  void rejoin_needed();

 private:
  static Task<void> run_join(std::shared_ptr<GroupMembership> self);
  static Task<void> run_heartbeats(std::shared_ptr<GroupMembership> self, int32_t generation);
  Task<Result<>> join_once();
  Task<Result<>> sync(const std::string& assignor, std::vector<MemberSubscription> members, bool leader);
  Task<Result<Assignments>> share_out(const std::string& assignor, std::vector<MemberSubscription> members);
  Task<bool> heartbeat();
  // Judges a group error: what to forget, and whether joining again helps.
  Result<> group_error(protocol::ErrorCode error);
  void set_state(State state);
  void lose_membership();

  std::shared_ptr<Cluster> cluster_;
  const ConsumerOptions options_;
  std::vector<std::string> topics_;
  Coordinator coordinator_;
  bool cooperative_;
  State state_ = State::kOut;
  bool lost_ = false;
  std::optional<Error> failure_;
  std::string member_id_;
  int32_t generation_ = -1;
  std::vector<TopicPartition> owned_;
  std::vector<TopicPartition> assignment_;
  std::map<std::string, int32_t> partition_counts_;  // that the leader shared out
  bool leader_ = false;
  MonotonicTime last_poll_{};
  MonotonicTime last_heartbeat_{};
  uint64_t joins_ = 0;
  std::function<void()> listener_;
  WaitList changed_;
};

}  // namespace weir::client
