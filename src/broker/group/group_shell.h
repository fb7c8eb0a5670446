// GroupShell: one partition of __consumer_offsets and the groups that live in it. It acts on what the state machine
// GroupCoordinator decides: appends records, holds back answers until they are committed, and runs the timers. Owned by
// the shard that leads the partition; that loop's thread only.
//
// Each call answers with a whole response, errors included, that owns its bytes. The request's bytes must stay alive
// until the call completes. One shell serves one term of leadership: made when the broker becomes leader, load() at
// once, shut_down() when it stops being leader, then destroyed. Until it is loaded calls answer
// COORDINATOR_LOAD_IN_PROGRESS, from shut_down() on NOT_COORDINATOR.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/loop.h"
#include "base/seams.h"
#include "base/sync.h"
#include "broker/group/group_coordinator.h"
#include "broker/group/group_log.h"

namespace weir::broker {

class GroupShell {
 public:
  // All references outlive the shell. `loop` is the current one.
  GroupShell(Loop& loop, Clock& clock, Random& random, const TopicCatalog& topics, GroupLog& log, GroupConfig config);
  GroupShell(const GroupShell&) = delete;
  GroupShell& operator=(const GroupShell&) = delete;
  ~GroupShell();

  // Replays the log. An error of the log, or kCorrupt for a record, leaves the shell loading: try again, or shut it
  // down. kClosed when it was shut down meanwhile.
  Task<Result<void>> load();
  // Answers everything that waits with NOT_COORDINATOR at once, and completes when the log has let go of the last
  // append.
  Task<void> shut_down();
  [[nodiscard]] bool active() const { return state_ == State::kActive; }

  Task<Owned<protocol::JoinGroupResponse>> join_group(GroupRequestContext context,
                                                      const protocol::JoinGroupRequest& request);
  Task<Owned<protocol::SyncGroupResponse>> sync_group(GroupRequestContext context,
                                                      const protocol::SyncGroupRequest& request);
  Task<Owned<protocol::HeartbeatResponse>> heartbeat(GroupRequestContext context,
                                                     const protocol::HeartbeatRequest& request);
  Task<Owned<protocol::LeaveGroupResponse>> leave_group(GroupRequestContext context,
                                                        const protocol::LeaveGroupRequest& request);
  Task<Owned<protocol::ConsumerGroupHeartbeatResponse>> consumer_group_heartbeat(
      GroupRequestContext context, const protocol::ConsumerGroupHeartbeatRequest& request);
  Task<Owned<protocol::OffsetCommitResponse>> offset_commit(GroupRequestContext context,
                                                            const protocol::OffsetCommitRequest& request);
  Task<Owned<protocol::OffsetDeleteResponse>> offset_delete(GroupRequestContext context,
                                                            const protocol::OffsetDeleteRequest& request);
  Task<protocol::ErrorCode> delete_group(std::string_view group_id);

  // One group of an OffsetFetch; offset_fetch.h makes groups of the versions below 8, and their answer of the groups'
  // answers. With `require_stable` it waits for the commits that are under way, so that a new owner of a partition sees
  // the last of the old.
  Task<Owned<protocol::OffsetFetchResponse::OffsetFetchResponseGroup>> offset_fetch(
      GroupRequestContext context, const protocol::OffsetFetchRequest::OffsetFetchRequestGroup& group,
      bool require_stable);
  Owned<protocol::DescribeGroupsResponse::DescribedGroup> describe_group(GroupRequestContext context,
                                                                         std::string_view group_id);
  Owned<protocol::ConsumerGroupDescribeResponse::DescribedGroup> describe_consumer_group(std::string_view group_id);
  // The groups of this partition. While loading: error_code COORDINATOR_LOAD_IN_PROGRESS and no groups; the handler
  // merges the answers of all partitions that this broker leads.
  Owned<protocol::ListGroupsResponse> list_groups(const protocol::ListGroupsRequest& request);

  // Removes the offsets of partitions that do not exist any more.
  void on_partitions_deleted(std::span<const TopicPartition> partitions);

  // Topics have come, changed or gone; `any_new` tells whether some have come.
  void on_topics_changed(std::span<const std::string> names, bool any_new);

  [[nodiscard]] const GroupCoordinator& coordinator() const { return *coordinator_; }

 private:
  enum class State : uint8_t { kLoading, kActive, kShutDown };
  // A request that waits for its answer. Lives in the frame of its coroutine and is forgotten with it.
  class Waiter;
  class Writing;
  // Wakes the coordinator at its next deadline.
  class DeadlineTimer;
  // The appends of one batch on their way through the log; answers those who wait for them when it takes too long.
  class Batch;

  template <class Request>
  using Decision = void (GroupCoordinator::*)(const GroupRequestContext&, const Request&, ReplyToken, GroupTime);

  template <class Request>
  Task<Owned<typename Request::Response>> decide(GroupRequestContext context, const Request& request,
                                                 Decision<Request> decision);
  Task<GroupReply> await_reply(Waiter& waiter);
  [[nodiscard]] protocol::ErrorCode refusal() const;
  [[nodiscard]] GroupTime time() const { return {loop_.now(), clock_.wall()}; }
  void on_deadline();
  void deliver(std::vector<Completion> completions);
  // Carries out what the coordinator has decided.
  void act();
  // What builds on a failed append fails as well.
  void drop_doomed_appends();
  // Writes until nothing is left to be written; one at a time runs.
  Task<void> write_appends(Writing writing);

  Loop& loop_;
  Clock& clock_;
  Random& random_;
  const TopicCatalog& topics_;
  GroupLog& log_;
  GroupConfig config_;
  State state_ = State::kLoading;
  std::unique_ptr<GroupCoordinator> coordinator_;
  std::unique_ptr<DeadlineTimer> timer_;
  ReplyToken next_token_ = kNoReply + 1;
  std::unordered_map<ReplyToken, Waiter*> waiters_;
  std::deque<Append> appends_;  // decided and not yet handed to the log
  bool writing_ = false;
  uint64_t appends_decided_ = 0;
  uint64_t appends_done_ = 0;
  WaitList progress_;  // appends_done_ has grown, or the shell is shut down, or the writer has ended
  std::vector<TopicPartition> deleted_while_loading_;
};

}  // namespace weir::broker
