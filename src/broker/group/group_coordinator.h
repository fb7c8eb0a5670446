// GroupCoordinator: the state machine of the groups that live in one partition of __consumer_offsets. It decides: given
// a request, the outcome of an append, or the time, it says which records to append, which requests to answer, and when
// it wants to be woken. It does no I/O; GroupShell acts for it. Owned by a GroupShell; any one thread.
//
// Records that were decided take effect when they are committed: committed() replays them as load does, through
// replay_record(), so that a restart, a failover and normal running build the same offsets the same way. The members of
// a group and its rebalance are ahead of the log, as in Kafka: the group's record is a copy of them, made when a
// generation is complete. Groups of the consumer protocol are their records: a decision replays its records at once,
// and takes them back if the log refuses them. Format of the records: docs/formats/consumer-offsets.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/seams.h"
#include "broker/group/classic_group.h"
#include "broker/group/consumer_groups.h"
#include "broker/group/group_config.h"
#include "broker/group/group_log.h"
#include "broker/group/group_records.h"
#include "broker/group/group_reply.h"
#include "broker/group/group_request.h"
#include "broker/group/group_time.h"
#include "broker/group/offset_store.h"
#include "broker/group/topic_catalog.h"
#include "protocol/messages/consumer_group_describe_response.h"
#include "protocol/messages/consumer_group_heartbeat_request.h"
#include "protocol/messages/describe_groups_response.h"
#include "protocol/messages/heartbeat_request.h"
#include "protocol/messages/join_group_request.h"
#include "protocol/messages/leave_group_request.h"
#include "protocol/messages/list_groups_request.h"
#include "protocol/messages/list_groups_response.h"
#include "protocol/messages/offset_commit_request.h"
#include "protocol/messages/offset_delete_request.h"
#include "protocol/messages/offset_fetch_request.h"
#include "protocol/messages/offset_fetch_response.h"
#include "protocol/messages/sync_group_request.h"

namespace weir::broker {

// Records to be appended as one batch. Appends go to the log in the order in which they were decided.
struct Append {
  uint64_t id;
  std::vector<CoordinatorRecord> records;
};

struct Effects {
  std::vector<Append> appends;
  std::vector<Completion> completions;  // to be answered now
};

class GroupCoordinator final : public GroupLogReader {
 public:
  // `random` and `topics` outlive the coordinator.
  GroupCoordinator(GroupConfig config, Random& random, const TopicCatalog& topics);

  // Loading: the log's records from its start, then loaded() once, before anything else. A record that does not parse
  // stops the load: load_status() says so, since an offset that is silently lost makes a consumer skip or repeat.
  void on_record(Offset offset, ProducerId producer, ByteView key, std::optional<ByteView> value) override;
  void on_marker(ProducerId producer, bool committed) override;
  [[nodiscard]] const Result<void>& load_status() const { return load_status_; }
  void loaded(GroupTime now);

  // Requests. Each is answered exactly once, in the effects of this or of a later call, with a completion of the
  // token's own type.
  void join_group(const GroupRequestContext& context, const protocol::JoinGroupRequest& request, ReplyToken token,
                  GroupTime now);
  void sync_group(const GroupRequestContext& context, const protocol::SyncGroupRequest& request, ReplyToken token,
                  GroupTime now);
  void heartbeat(const GroupRequestContext& context, const protocol::HeartbeatRequest& request, ReplyToken token,
                 GroupTime now);
  void leave_group(const GroupRequestContext& context, const protocol::LeaveGroupRequest& request, ReplyToken token,
                   GroupTime now);
  void consumer_group_heartbeat(const GroupRequestContext& context,
                                const protocol::ConsumerGroupHeartbeatRequest& request, ReplyToken token,
                                GroupTime now);
  void offset_commit(const GroupRequestContext& context, const protocol::OffsetCommitRequest& request, ReplyToken token,
                     GroupTime now);
  void offset_delete(const GroupRequestContext& context, const protocol::OffsetDeleteRequest& request, ReplyToken token,
                     GroupTime now);
  void delete_group(std::string_view group_id, ReplyToken token, GroupTime now);

  // Reads of what is committed.
  [[nodiscard]] Owned<protocol::OffsetFetchResponse::OffsetFetchResponseGroup> offset_fetch(
      const GroupRequestContext& context, const protocol::OffsetFetchRequest::OffsetFetchRequestGroup& group,
      bool require_stable) const;
  [[nodiscard]] Owned<protocol::DescribeGroupsResponse::DescribedGroup> describe_group(
      const GroupRequestContext& context, std::string_view group_id) const;
  [[nodiscard]] Owned<protocol::ConsumerGroupDescribeResponse::DescribedGroup> describe_consumer_group(
      std::string_view group_id) const;
  [[nodiscard]] Owned<protocol::ListGroupsResponse> list_groups(const protocol::ListGroupsRequest& request) const;

  // Other events.
  void partitions_deleted(std::span<const TopicPartition> partitions, GroupTime now);
  // `any_new`: there are topics that there were not.
  void topics_changed(std::span<const std::string> names, bool any_new) { consumers_.topics_changed(names, any_new); }
  // The time of the next on_time(), kNever when there is nothing to wait for.
  [[nodiscard]] MonotonicTime next_deadline() const { return timers_.next_deadline(); }
  void on_time(GroupTime now);

  // Outcomes of appends, each once, in the order of the appends. `base` is the offset of the first record.
  void committed(uint64_t append_id, std::span<const CoordinatorRecord> records, Offset base, GroupTime now);
  void failed(uint64_t append_id, protocol::ErrorCode error, GroupTime now);
  // It takes too long: those who wait for it are answered as by failed(), but committed() or failed() still follows.
  void timed_out(uint64_t append_id, GroupTime now);

  // It builds on one that has failed: it must not be appended, but failed() called for it when its turn comes.
  [[nodiscard]] bool is_doomed(uint64_t append_id) const;

  // Leadership is lost: answers all that wait. Nothing may be called afterwards but take_effects().
  void unload();

  // What is to be done since the last time. To be taken after every call above that is not const.
  [[nodiscard]] Effects take_effects();

  [[nodiscard]] const OffsetStore& offsets() const { return offsets_; }
  [[nodiscard]] const ClassicGroup* find_group(std::string_view group_id) const;
  [[nodiscard]] const ConsumerGroups& consumer_groups() const { return consumers_; }
  // Of the classic protocol.
  [[nodiscard]] std::vector<std::string> group_ids() const;
  // Groups and offsets, roughly.
  [[nodiscard]] size_t memory_bytes() const { return groups_memory_bytes_ + offsets_.memory_bytes(); }

 private:
  using Outcome = std::move_only_function<void(protocol::ErrorCode, GroupTime)>;
  struct InFlight {
    std::vector<Completion> replies;  // as they are if the append succeeds
    Outcome outcome;                  // before the replies; may be empty
    std::vector<std::pair<std::string, TopicPartition>> writes;
    std::string group_id;
    std::vector<Undo> undo;  // of a consumer group, whose records have taken effect already
    bool answered = false;
    bool doomed = false;
  };
  // What a static member was before another took its place.
  struct ReplacedMember {
    std::string id;
    std::vector<GroupProtocol> protocols;
    int32_t rebalance_timeout_ms;
    int32_t session_timeout_ms;
  };
  struct ForeignGroup {
    std::string_view type;
    std::string_view protocol_type;
  };

  // join_group.cc
  void join_new_member(const GroupRequestContext& context, const protocol::JoinGroupRequest& request,
                       ClassicGroup& group, ReplyToken token, GroupTime now);
  void join_known_member(const GroupRequestContext& context, const protocol::JoinGroupRequest& request,
                         ClassicGroup& group, ReplyToken token, GroupTime now);
  void join_new_instance(const GroupRequestContext& context, const protocol::JoinGroupRequest& request,
                         ClassicGroup& group, std::string member_id, ReplyToken token, GroupTime now);
  void replace_static_member(const GroupRequestContext& context, const protocol::JoinGroupRequest& request,
                             ClassicGroup& group, GroupMember& member, const std::string& new_id, ReplyToken token,
                             GroupTime now);
  void store_replaced_member(ClassicGroup& group, const std::string& new_id, ReplacedMember before, bool may_skip);
  void add_member(const GroupRequestContext& context, const protocol::JoinGroupRequest& request, ClassicGroup& group,
                  std::string member_id, ReplyToken token, GroupTime now);
  void update_member(const GroupRequestContext& context, const protocol::JoinGroupRequest& request, ClassicGroup& group,
                     GroupMember& member, ReplyToken token);
  [[nodiscard]] protocol::ErrorCode admit(const ClassicGroup& group, std::string_view member_id) const;
  [[nodiscard]] std::string new_member_id(std::string_view prefix);
  void create_group_in_log(ClassicGroup& group);

  // rebalance.cc
  void rebalance_or_complete_join(ClassicGroup& group, GroupTime now);
  void prepare_rebalance(ClassicGroup& group, GroupTime now);
  void complete_join_if_all_joined(ClassicGroup& group, GroupTime now);
  void complete_join(ClassicGroup& group, GroupTime now);
  void write_empty_group(ClassicGroup& group);
  void join_timer_expired(ClassicGroup& group, GroupTime now);
  void end_of_initial_delay(ClassicGroup& group, GroupTime now);
  void restart_session(GroupMember& member, GroupTime now);
  void remove_member(ClassicGroup& group, GroupMember& member);
  void session_expired(ClassicGroup& group, std::string_view member_id, GroupTime now);
  void pending_expired(ClassicGroup& group, std::string_view member_id, GroupTime now);
  void sync_expired(ClassicGroup& group, GroupTime now);
  // The present generation, if the member waits for it.
  void answer_join(GroupMember& member, ClassicGroup& group, bool skip_assignment);
  void answer_follower(GroupMember& member, ClassicGroup& group, const std::string& leader);
  void fail_join(ClassicGroup& group, GroupMember& member, std::string_view member_id, protocol::ErrorCode error);
  void answer_sync(GroupMember& member, const ClassicGroup& group);
  void fail_sync(GroupMember& member, protocol::ErrorCode error);
  void fail_all_syncs(ClassicGroup& group, protocol::ErrorCode error, GroupTime now);

  // sync_group.cc
  void sync_from_member(const protocol::SyncGroupRequest& request, ClassicGroup& group, GroupMember& member,
                        ReplyToken token, GroupTime now);
  void store_assignments(const protocol::SyncGroupRequest& request, ClassicGroup& group);
  void assignments_stored(std::string_view group_id, int32_t generation, std::map<std::string, ByteVector>& assignments,
                          protocol::ErrorCode error, GroupTime now);

  // consumer_coordination.cc
  [[nodiscard]] std::optional<GroupError> make_way(const protocol::ConsumerGroupHeartbeatRequest& request,
                                                   ConsumerChange& change, GroupTime now);
  void give_up_classic(std::string_view group_id, ConsumerChange& change);
  void restart_sessions_of_classic(std::string_view group_id, GroupTime now);
  void append(ConsumerChange& change, std::optional<Completion> completion, std::vector<TopicPartition> writes = {});
  void revert(uint64_t append_id, InFlight& failed, protocol::ErrorCode error, GroupTime now);
  void consumer_timed_out(const GroupTimeout& timeout, GroupTime now);

  // consumer_migration.cc
  // The classic group becomes a consumer group, with its members as they are.
  [[nodiscard]] std::optional<GroupError> upgrade(ClassicGroup& group, ConsumerChange& change, GroupTime now);
  // Whether the group would have nothing but members of the classic protocol, without those that leave.
  [[nodiscard]] bool can_downgrade(const ConsumerGroup& group, size_t leaving, size_t leaving_classic) const;
  void downgrade(const ConsumerGroup& group, const std::set<std::string, std::less<>>& leaving, bool rebalance,
                 ConsumerChange& change, GroupTime now);
  // Removes members, and with the last one of the consumer protocol the group's being of it.
  void fence(ConsumerGroup& group, const std::vector<std::shared_ptr<const ConsumerMember>>& members,
             ConsumerChange& change, GroupTime now);

  // classic_in_consumer.cc
  void join_consumer_group(const GroupRequestContext& context, const protocol::JoinGroupRequest& request,
                           ConsumerGroup& group, ReplyToken token, GroupTime now);
  [[nodiscard]] std::expected<std::shared_ptr<const ConsumerMember>, protocol::ErrorCode> admit_classic(
      ConsumerGroup& group, const protocol::JoinGroupRequest& request, const std::string& id, ConsumerChange& change);
  void sync_consumer_group(const protocol::SyncGroupRequest& request, ConsumerGroup& group, ReplyToken token,
                           GroupTime now);
  void await_join(ConsumerGroup& group, const ConsumerMember& member, GroupTime now);
  [[nodiscard]] protocol::ErrorCode heartbeat_consumer_group(const protocol::HeartbeatRequest& request,
                                                             ConsumerGroup& group, GroupTime now);
  void leave_consumer_group(const GroupRequestContext& context, const protocol::LeaveGroupRequest& request,
                            ConsumerGroup& group, ReplyToken token, GroupTime now);

  // membership.cc
  [[nodiscard]] protocol::ErrorCode leave_one(ClassicGroup* group, std::string_view member_id,
                                              const std::optional<std::string_view>& instance_id);

  // offset_commit.cc
  [[nodiscard]] protocol::ErrorCode validate_commit(const GroupRequestContext& context,
                                                    const protocol::OffsetCommitRequest& request) const;
  [[nodiscard]] protocol::ErrorCode check_partition(const TopicPartition& partition) const;
  [[nodiscard]] protocol::ErrorCode check_room(std::string_view group_id, const TopicPartition& partition,
                                               const std::optional<std::string_view>& metadata) const;
  [[nodiscard]] protocol::ErrorCode validate_commit_to(const ClassicGroup& group,
                                                       const protocol::OffsetCommitRequest& request) const;

  // group_admin.cc
  [[nodiscard]] protocol::ErrorCode validate_offset_delete(std::string_view group_id) const;
  void delete_consumer_group(const ConsumerGroup& group, ReplyToken token);
  // Tombstones for everything of the group, in `records`, and their partitions.
  [[nodiscard]] std::vector<TopicPartition> delete_all_offsets(std::string_view group_id,
                                                               std::vector<CoordinatorRecord>& records) const;

  // expiry.cc
  void check_expiry(GroupTime now);
  void expire_group(const std::string& group_id, Timestamp now);
  void expire_consumer_group(const ConsumerGroup& group, Timestamp now);
  [[nodiscard]] bool is_expired(const ClassicGroup& group, const CommittedOffset& offset, Timestamp now) const;
  void forget_if_nothing(std::string_view group_id);

  // group_coordinator.cc
  ClassicGroup* find(std::string_view group_id);
  ClassicGroup& find_or_create(std::string_view group_id, GroupTime now);
  void erase_group(std::string_view group_id);
  void reply(ReplyToken token, GroupReply answer) { effects_.completions.push_back({token, std::move(answer)}); }
  // Queues the records; `replies` wait for them. `tombstones` and offsets among the records count as writes under way.
  void append(std::string_view group_id, std::vector<CoordinatorRecord> records, std::vector<TopicPartition> writes,
              std::vector<Completion> replies, Outcome outcome);
  // Whether a record of the group or its offsets is on its way to the log.
  [[nodiscard]] bool is_being_written(std::string_view group_id) const;
  void finish(InFlight& in_flight, protocol::ErrorCode error, GroupTime now);
  static std::vector<CoordinatorRecord> one_record(CoordinatorRecord record);
  void replay(ParsedRecord record, Offset offset, ProducerId producer, bool loading);

  GroupConfig config_;
  Random& random_;
  const TopicCatalog& topics_;
  TimerQueue timers_;
  std::vector<GroupTimeout> expired_;
  size_t groups_memory_bytes_ = 0;  // before groups_, which count in it to their end
  std::unordered_map<std::string, std::unique_ptr<ClassicGroup>> groups_;
  ConsumerGroups consumers_;
  std::map<std::string, ForeignGroup, std::less<>> foreign_;
  OffsetStore offsets_;
  std::map<uint64_t, InFlight> in_flight_;
  uint64_t next_append_id_ = 1;
  Effects effects_;
  Result<void> load_status_;
  class ExpiryTimer;
  std::unique_ptr<Timer> expiry_timer_;
  bool expiry_due_ = false;
};

}  // namespace weir::broker
