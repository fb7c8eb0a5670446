// Groups of the consumer protocol within the coordinator: what ConsumerGroups decides on its way through the log.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/check.h"
#include "base/log.h"
#include "broker/group/group_coordinator.h"
#include "broker/group/group_errors.h"

namespace weir::broker {

using protocol::ConsumerGroupHeartbeatRequest;
using protocol::ConsumerGroupHeartbeatResponse;
using protocol::ErrorCode;

namespace {

// From this version on clients make their member ids themselves.
constexpr int16_t kMemberIdOfClientVersion = 1;

GroupError invalid(std::string_view what) { return {ErrorCode::kInvalidRequest, std::string(what)}; }

bool is_blank(const std::optional<std::string_view>& text) {
  return text && std::ranges::all_of(*text, [](char c) { return c == ' '; });
}

std::optional<GroupError> check_join(const ConsumerGroupHeartbeatRequest& request) {
  if (request.rebalance_timeout_ms == -1) return invalid("RebalanceTimeoutMs must be provided in first request.");
  if (!request.topic_partitions || !request.topic_partitions->empty())
    return invalid("TopicPartitions must be empty when (re-)joining.");
  if (!request.subscribed_topic_names && !request.subscribed_topic_regex)
    return invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.");
  return std::nullopt;
}

std::optional<GroupError> check(const ConsumerGroupHeartbeatRequest& request, int16_t version,
                                const std::vector<std::string>& assignors) {
  const int32_t epoch = request.member_epoch;
  const bool needs_id = version >= kMemberIdOfClientVersion || epoch > 0 || epoch == kLeaveEpoch;
  if (needs_id && is_blank(request.member_id)) return invalid("MemberId can't be empty.");
  if (is_blank(request.group_id)) return invalid("GroupId can't be empty.");
  if (is_blank(request.instance_id)) return invalid("InstanceId can't be empty.");
  if (is_blank(request.rack_id)) return invalid("RackId can't be empty.");
  if (epoch == kJoinEpoch) {
    if (auto error = check_join(request)) return error;
  } else if (epoch == kLeaveStaticEpoch) {
    if (!request.instance_id) return invalid("InstanceId can't be null.");
  } else if (epoch < kLeaveStaticEpoch) {
    return invalid("MemberEpoch is invalid.");
  }
  if (request.server_assignor && std::ranges::find(assignors, *request.server_assignor) == assignors.end())
    return GroupError{ErrorCode::kUnsupportedAssignor,
                      fmt::format("ServerAssignor {} is not supported. Supported assignors: {}.",
                                  *request.server_assignor, fmt::join(assignors, ", "))};
  return std::nullopt;
}

Owned<ConsumerGroupHeartbeatResponse> answer_of(const GroupError& error) {
  Owned<ConsumerGroupHeartbeatResponse> answer;
  answer.message.error_code = protocol::error_field(error.code);
  answer.message.error_message = answer.keep(std::string_view(error.message));
  return answer;
}

}  // namespace

void GroupCoordinator::consumer_group_heartbeat(const GroupRequestContext& context,
                                                const ConsumerGroupHeartbeatRequest& request, ReplyToken token,
                                                GroupTime now) {
  if (const auto error = check(request, context.api_version, config_.consumer_assignors))
    return reply(token, answer_of(*error));
  const bool leaves = request.member_epoch == kLeaveEpoch || request.member_epoch == kLeaveStaticEpoch;
  ConsumerChange change(consumers_, request.group_id);
  if (const auto error = make_way(request, change, now)) return reply(token, answer_of(*error));
  if (leaves) {
    auto leaving = consumers_.leave(request, change);
    if (!leaving) return reply(token, answer_of(leaving.error()));
    fence(*consumers_.find(request.group_id), leaving->gone, change, now);
    return append(change, Completion{token, std::move(leaving->answer)});
  }
  const std::string new_id = request.member_id.empty() ? Uuid::random(random_).to_string() : std::string();
  auto answer = consumers_.heartbeat(context, request, new_id, now, change);
  if (!answer) return reply(token, answer_of(answer.error()));
  append(change, Completion{token, *std::move(answer)});
  ConsumerGroup* group = consumers_.find(request.group_id);
  if (group == nullptr || !consumers_.wants_regexes(*group, now)) return;
  // An epoch of its own, as in Kafka, where another thread matches the expressions: the member hears of it with its
  // next heartbeat.
  ConsumerChange resolved(consumers_, request.group_id);
  consumers_.resolve_regexes(*group, now, resolved);
  append(resolved, std::nullopt);
}

// A group of another kind may have the name.
std::optional<GroupError> GroupCoordinator::make_way(const ConsumerGroupHeartbeatRequest& request,
                                                     ConsumerChange& change, GroupTime now) {
  const GroupError other_kind{ErrorCode::kGroupIdNotFound,
                              fmt::format("Group {} is not a consumer group.", request.group_id)};
  if (foreign_.contains(request.group_id)) return other_kind;
  ClassicGroup* group = find(request.group_id);
  if (group == nullptr || consumers_.find(request.group_id) != nullptr) return std::nullopt;
  if (request.member_epoch != kJoinEpoch) return other_kind;
  if (group->state() != GroupState::kEmpty) return upgrade(*group, change, now);
  give_up_classic(request.group_id, change);
  return std::nullopt;
}

void GroupCoordinator::give_up_classic(std::string_view group_id, ConsumerChange& change) {
  change.add(group_tombstone(group_id));
  change.on_undo([this, gone = groups_.extract(std::string(group_id))]() mutable { groups_.insert(std::move(gone)); });
}

void GroupCoordinator::append(ConsumerChange& change, std::optional<Completion> completion,
                              std::vector<TopicPartition> writes) {
  std::vector<CoordinatorRecord> records = change.take_records();
  std::vector<Undo> undo = change.take_undo();
  if (!records.empty()) {
    std::vector<Completion> replies;
    if (completion) replies.push_back(*std::move(completion));
    append(change.group_id(), std::move(records), std::move(writes), std::move(replies), {});
    in_flight_.rbegin()->second.undo = std::move(undo);
    return;
  }
  if (!completion) return;
  // The answer may tell of what is not committed yet: it waits for that.
  for (auto& [id, in_flight] : std::views::reverse(in_flight_)) {
    if (in_flight.group_id != change.group_id() || in_flight.undo.empty() || in_flight.answered) continue;
    in_flight.replies.push_back(*std::move(completion));
    return;
  }
  effects_.completions.push_back(*std::move(completion));
}

void GroupCoordinator::revert(uint64_t append_id, InFlight& failed, ErrorCode error, GroupTime now) {
  // What was decided since then was decided on what is not.
  for (auto& [id, in_flight] : std::views::reverse(in_flight_)) {
    if (id <= append_id) break;
    if (in_flight.group_id != failed.group_id || in_flight.undo.empty()) continue;
    ConsumerChange::undo_all(in_flight.undo);
    in_flight.doomed = true;
    finish(in_flight, error, now);
  }
  ConsumerChange::undo_all(failed.undo);
  consumers_.reverted(failed.group_id, now);
  restart_sessions_of_classic(failed.group_id, now);
}

// One that was about to become a consumer group is there again; its timers may have run out meanwhile.
void GroupCoordinator::restart_sessions_of_classic(std::string_view group_id, GroupTime now) {
  ClassicGroup* group = find(group_id);
  if (group == nullptr) return;
  for (const auto& member : group->members()) {
    if (!member->session->armed()) restart_session(*member, now);
  }
  if (group->state() == GroupState::kPreparingRebalance && !group->join_timer.armed())
    timers_.arm(group->join_timer, now.monotonic + group->rebalance_timeout());
}

bool GroupCoordinator::is_doomed(uint64_t append_id) const {
  const auto it = in_flight_.find(append_id);
  return it != in_flight_.end() && it->second.doomed;
}

void GroupCoordinator::consumer_timed_out(const GroupTimeout& timeout, GroupTime now) {
  const std::shared_ptr<const ConsumerMember> member = consumers_.timed_out(timeout);
  if (member == nullptr) return;
  log_info("group", "a member is removed since it took too long", kv("group", timeout.group_id),
           kv("member", timeout.member_id));
  ConsumerChange change(consumers_, timeout.group_id);
  fence(*consumers_.find(timeout.group_id), {member}, change, now);
  append(change, std::nullopt);
}

Owned<protocol::ConsumerGroupDescribeResponse::DescribedGroup> GroupCoordinator::describe_consumer_group(
    std::string_view group_id) const {
  if (const ConsumerGroup* group = consumers_.find(group_id)) return consumers_.describe(*group);
  const bool other_kind = find_group(group_id) != nullptr || foreign_.contains(group_id);
  auto answer = describe_consumer_error(group_id, ErrorCode::kGroupIdNotFound);
  answer.message.error_message =
      answer.keep(fmt::format("Group {} {}.", group_id, other_kind ? "is not a consumer group" : "not found"));
  return answer;
}

}  // namespace weir::broker
