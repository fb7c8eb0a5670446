#include "client/group_membership.h"

#include <fmt/format.h>

#include "protocol/messages/heartbeat_request.h"
#include "protocol/messages/heartbeat_response.h"
#include "protocol/messages/join_group_request.h"
#include "protocol/messages/join_group_response.h"
#include "protocol/messages/leave_group_request.h"
#include "protocol/messages/leave_group_response.h"
#include "protocol/messages/sync_group_request.h"
#include "protocol/messages/sync_group_response.h"

namespace weir::client {
namespace {

using protocol::ErrorCode;

constexpr std::string_view kProtocolType = "consumer";
// The first versions that carry a group instance id.
constexpr int16_t kJoinFirstStatic = 5;
constexpr int16_t kOthersFirstStatic = 3;
constexpr int16_t kLeaveFirstWithMembers = 3;
// The coordinator answers a join at the latest when the rebalance timeout is over; this much later it never will.
constexpr Duration kJoinGrace = seconds(5);

int32_t in_ms(Duration duration) { return static_cast<int32_t>(duration / milliseconds(1)); }

}  // namespace

Result<std::shared_ptr<GroupMembership>> GroupMembership::make(std::shared_ptr<Cluster> cluster,
                                                               const ConsumerOptions& options,
                                                               std::vector<std::string> topics) {
  for (const std::string& name : options.assignors) {
    if (find_assignor(name) == nullptr) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("no assignor '{}'; there are range, roundrobin and cooperative-sticky", name));
    }
  }
  if (options.assignors.empty()) return fail(Errc::kInvalidArgument, "a group member needs an assignor");
  return std::make_shared<GroupMembership>(std::move(cluster), options, std::move(topics));
}

GroupMembership::GroupMembership(std::shared_ptr<Cluster> cluster, const ConsumerOptions& options,
                                 std::vector<std::string> topics)
    : cluster_(std::move(cluster)),
      options_(options),
      topics_(std::move(topics)),
      coordinator_(cluster_, options.group),
      // A group is cooperative only when each assignor it might agree on is.
      cooperative_(std::ranges::all_of(options.assignors,
                                       [](const auto& name) { return find_assignor(name)->is_cooperative(); })),
      last_poll_(cluster_->now()) {}

void GroupMembership::set_state(State state) {
  state_ = state;
  changed_.notify_all();
  if (listener_) listener_();
}

void GroupMembership::lose_membership() {
  member_id_.clear();
  generation_ = -1;
  lost_ = true;
}

void GroupMembership::rejoin_needed() {
  if (state_ == State::kIn) set_state(State::kOut);
}

void GroupMembership::join(std::vector<TopicPartition> owned) {
  CHECK(state_ == State::kOut, "joining twice");
  failure_.reset();
  owned_ = std::move(owned);
  if (lost_) owned_.clear();
  lost_ = false;
  set_state(State::kJoining);
  cluster_->loop().spawn(run_join(shared_from_this()));
}

Task<void> GroupMembership::run_join(std::shared_ptr<GroupMembership> self) {
  Backoff backoff = self->cluster_->retry_backoff();
  while (self->state_ == State::kJoining) {
    auto joined = co_await self->join_once();
    if (self->state_ != State::kJoining) co_return;
    if (joined) {
      self->last_heartbeat_ = self->cluster_->now();
      ++self->joins_;
      self->set_state(State::kIn);
      self->cluster_->loop().spawn(run_heartbeats(self, self->generation_));
    } else if (joined.error().code == Errc::kUnavailable || is_transport_failure(joined.error())) {
      if (is_transport_failure(joined.error())) self->coordinator_.forget();
      co_await self->cluster_->pause(backoff, kNever);
    } else {
      self->failure_ = joined.error();
      self->set_state(State::kOut);
    }
  }
}

Result<> GroupMembership::group_error(ErrorCode error) {
  switch (error) {
    case ErrorCode::kNone:
      return {};
    case ErrorCode::kUnknownMemberId:
    case ErrorCode::kIllegalGeneration:
      lose_membership();
      return fail(Errc::kUnavailable, "the membership was lost");
    case ErrorCode::kRebalanceInProgress:
    case ErrorCode::kMemberIdRequired:
      return fail(Errc::kUnavailable, "the group rebalances");
    case ErrorCode::kFencedInstanceId:
      lose_membership();
      return std::unexpected(to_error(error, "group " + options_.group));
    default:
      if (coordinator_.should_retry(error)) return fail(Errc::kUnavailable, "the coordinator is not ready");
      return std::unexpected(to_error(error, "group " + options_.group));
  }
}

Task<Result<>> GroupMembership::join_once() {
  CO_TRY_ASSIGN(auto connection, co_await coordinator_.connection(cluster_->api_deadline(), Lane::kGroup));
  protocol::JoinGroupRequest request;
  request.group_id = options_.group;
  request.session_timeout_ms = in_ms(options_.session_timeout);
  request.rebalance_timeout_ms = in_ms(options_.poll_interval_max);
  request.member_id = member_id_;
  if (!options_.group_instance.empty()) request.group_instance_id = options_.group_instance;
  request.protocol_type = kProtocolType;
  const ByteVector subscription = encode_subscription({.member = member_id_,
                                                       .instance = options_.group_instance,
                                                       .topics = topics_,
                                                       .owned = owned_,
                                                       .generation = generation_});
  for (const std::string& name : options_.assignors)
    request.protocols.push_back({.name = name, .metadata = subscription});
  const MonotonicTime deadline = cluster_->now() + options_.poll_interval_max + kJoinGrace;
  const bool is_static = !options_.group_instance.empty();
  CO_TRY_ASSIGN(auto reply,
                co_await connection->call(request, deadline,
                                          is_static ? kJoinFirstStatic : protocol::JoinGroupRequest::kMinVersion));
  const ErrorCode error = protocol::error_code(reply.message.error_code);
  if (error == ErrorCode::kMemberIdRequired) {
    // The coordinator wants to see that a newcomer got its answer before it counts it as a member.
    member_id_ = reply.message.member_id;
    co_return co_await join_once();
  }
  CO_TRY(group_error(error));
  member_id_ = reply.message.member_id;
  generation_ = reply.message.generation_id;
  std::vector<MemberSubscription> members;
  for (const auto& member : reply.message.members) {
    CO_TRY_ASSIGN(auto decoded,
                  decode_subscription(member.member_id, member.group_instance_id.value_or(""), member.metadata));
    members.push_back(std::move(decoded));
  }
  leader_ = reply.message.leader == member_id_;
  const bool shares_out = leader_ && !reply.message.skip_assignment;
  co_return co_await sync(std::string(reply.message.protocol_name.value_or("")), std::move(members), shares_out);
}

Task<Result<>> GroupMembership::sync(const std::string& assignor, std::vector<MemberSubscription> members,
                                     bool leader) {
  protocol::SyncGroupRequest request;
  request.group_id = options_.group;
  request.generation_id = generation_;
  request.member_id = member_id_;
  if (!options_.group_instance.empty()) request.group_instance_id = options_.group_instance;
  request.protocol_type = kProtocolType;
  request.protocol_name = assignor;
  Assignments shares;
  std::map<std::string, ByteVector> encoded;
  if (leader) {
    CO_TRY_ASSIGN(shares, co_await share_out(assignor, std::move(members)));
    for (const auto& [member, places] : shares) {
      encoded[member] = encode_assignment(places);
      request.assignments.push_back({.member_id = member, .assignment = encoded[member]});
    }
  }
  CO_TRY_ASSIGN(auto connection, co_await coordinator_.connection(cluster_->api_deadline(), Lane::kGroup));
  const int16_t needed = options_.group_instance.empty() ? protocol::SyncGroupRequest::kMinVersion : kOthersFirstStatic;
  const MonotonicTime deadline = cluster_->now() + options_.poll_interval_max + kJoinGrace;
  CO_TRY_ASSIGN(auto reply, co_await connection->call(request, deadline, needed));
  CO_TRY(group_error(protocol::error_code(reply.message.error_code)));
  CO_TRY_ASSIGN(assignment_, decode_assignment(reply.message.assignment));
  std::ranges::sort(assignment_);
  co_return Result<>();
}

Task<Result<Assignments>> GroupMembership::share_out(const std::string& assignor,
                                                     std::vector<MemberSubscription> members) {
  const Assignor* chosen = find_assignor(assignor);
  if (chosen == nullptr)
    co_return fail(Errc::kUnsupported, "the group chose the assignor '" + assignor + "', which was not offered");
  std::set<std::string> topics;
  for (const MemberSubscription& member : members) topics.insert(member.topics.begin(), member.topics.end());
  CO_TRY(co_await cluster_->refresh(cluster_->api_deadline(), {topics.begin(), topics.end()}));
  partition_counts_.clear();
  for (const std::string& topic : topics) {
    const TopicInfo* known = cluster_->metadata().topic(topic);
    if (known == nullptr || known->partitions.empty()) continue;
    partition_counts_[topic] = static_cast<int32_t>(known->partitions.size());
  }
  co_return chosen->assign(std::move(members), partition_counts_);
}

Task<void> GroupMembership::run_heartbeats(std::shared_ptr<GroupMembership> self, int32_t generation) {
  const auto current = [&] { return self->state_ == State::kIn && self->generation_ == generation; };
  while (current()) {
    co_await self->changed_.wait_until(self->cluster_->now() + self->options_.heartbeat_interval);
    if (!current()) co_return;
    if (self->cluster_->now() - self->last_poll_ > self->options_.poll_interval_max) {
      // Nobody reads: the partitions are better off with another member.
      co_await self->leave(self->cluster_->now() + self->cluster_->options().request_timeout);
      self->lose_membership();
      self->set_state(State::kOut);
      co_return;
    }
    const bool in = co_await self->heartbeat();
    if (!in && current()) self->set_state(State::kOut);
  }
}

// Whether the member is still in its generation.
Task<bool> GroupMembership::heartbeat() {
  auto connection = co_await coordinator_.connection(cluster_->now() + options_.heartbeat_interval);
  protocol::HeartbeatRequest request;
  request.group_id = options_.group;
  request.generation_id = generation_;
  request.member_id = member_id_;
  if (!options_.group_instance.empty()) request.group_instance_id = options_.group_instance;
  const int16_t needed = options_.group_instance.empty() ? protocol::HeartbeatRequest::kMinVersion : kOthersFirstStatic;
  if (connection) {
    auto reply = co_await (*connection)->call(request, cluster_->now() + options_.session_timeout / 3, needed);
    if (reply) {
      const ErrorCode error = protocol::error_code(reply->message.error_code);
      const bool wrong_place = coordinator_.should_retry(error);
      if (!wrong_place) last_heartbeat_ = cluster_->now();
      auto judged = wrong_place ? Result<>() : group_error(error);
      if (!judged && judged.error().code != Errc::kUnavailable) failure_ = judged.error();
      if (!judged) co_return false;
    } else {
      coordinator_.forget();
    }
  }
  if (cluster_->now() - last_heartbeat_ > options_.session_timeout) {
    // The coordinator has given the partitions to others by now.
    lose_membership();
    co_return false;
  }
  // New partitions of a topic are seen by the leader, who calls everybody together.
  for (const auto& [topic, count] : partition_counts_) {
    const TopicInfo* known = leader_ ? cluster_->metadata().topic(topic) : nullptr;
    if (known != nullptr && static_cast<int32_t>(known->partitions.size()) > count) co_return false;
  }
  co_return true;
}

Task<void> GroupMembership::leave(MonotonicTime deadline) {
  const bool was_member = !member_id_.empty() && options_.group_instance.empty();
  set_state(State::kGone);
  // A static member comes back under its name, and the group waits for it.
  if (!was_member) co_return;
  auto connection = co_await coordinator_.connection(deadline);
  if (!connection) co_return;
  protocol::LeaveGroupRequest request;
  request.group_id = options_.group;
  request.members.push_back({.member_id = member_id_});
  // An answer that does not come changes nothing: the session runs out instead.
  [[maybe_unused]] auto reply = co_await (*connection)->call(request, deadline, kLeaveFirstWithMembers);
}

}  // namespace weir::client
