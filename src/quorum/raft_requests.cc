// What RaftNode answers to the other nodes of the quorum, with Kafka's errors.
#include <algorithm>

#include "base/log.h"
#include "quorum/raft_node.h"

namespace weir::quorum {

using protocol::ErrorCode;
using protocol::Reply;

namespace {

// Between the successors of a leader that resigned: the first stands at once, and each next one after twice the time.
constexpr Duration kSuccessorBackoff = milliseconds(100);

// A fetch may be asked to wait this long at most: whoever waits holds memory here.
constexpr Duration kFetchWaitMax = seconds(10);

// Whether the request is of the metadata partition, and of nothing else.
template <class Request>
bool is_of_metadata(const Request& request) {
  return request.topics.size() == 1 && request.topics.front().topic_name == kMetadataTopic &&
         request.topics.front().partitions.size() == 1 &&
         request.topics.front().partitions.front().partition_index == 0;
}

// From version 13 on by its id.
bool is_of_metadata(const protocol::FetchRequest& request, int16_t version) {
  if (request.topics.size() != 1 || request.topics.front().partitions.size() != 1) return false;
  const auto& topic = request.topics.front();
  const bool named = version >= 13 ? topic.topic_id == kMetadataTopicId : topic.topic == kMetadataTopic;
  return named && topic.partitions.front().partition == 0;
}

bool is_of_metadata(const protocol::FetchSnapshotRequest& request) {
  return request.topics.size() == 1 && request.topics.front().name == kMetadataTopic &&
         request.topics.front().partitions.size() == 1 && request.topics.front().partitions.front().partition == 0;
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------
// common

template <class Response>
void RaftNode::name_leader(Reply<Response>& reply, int16_t version, int16_t endpoints_since) const {
  if (version < endpoints_since) return;
  const NodeId leader = state_->leader_id();
  if (leader == kNoNode) return;
  auto endpoints = leader == options_.node_id ? options_.endpoints : state_->leader_endpoints();
  if (endpoints.empty()) endpoints = endpoints_of(leader);
  const auto endpoint = endpoint_of(endpoints);
  if (!endpoint) return;
  auto& node = reply.response.node_endpoints.emplace_back();
  node.node_id = leader.value();
  node.host = reply.keep(endpoint->host);
  node.port = endpoint->port;
}

template <class Response>
Reply<Response> RaftNode::partition_reply(ErrorCode error, int16_t version) const {
  Reply<Response> reply;
  auto& topic = reply.response.topics.emplace_back();
  topic.topic_name = kMetadataTopic;
  auto& partition = topic.partitions.emplace_back();
  partition.error_code = static_cast<int16_t>(error);
  partition.leader_id = state_->leader_id().value();
  partition.leader_epoch = state_->epoch().value();
  name_leader(reply, version, 1);
  return reply;
}

template <class Response>
Reply<Response> RaftNode::refusal(ErrorCode error) const {
  Reply<Response> reply;
  reply.response.error_code = static_cast<int16_t>(error);
  return reply;
}

std::optional<ErrorCode> RaftNode::refused_by_epoch(NodeId from, LeaderEpoch epoch) const {
  if (epoch < state_->epoch()) return ErrorCode::kFencedLeaderEpoch;
  if (from < NodeId(0)) return ErrorCode::kInvalidRequest;
  return std::nullopt;
}

std::optional<ErrorCode> RaftNode::refused_as_leader(LeaderEpoch epoch) const {
  if (epoch < state_->epoch()) return ErrorCode::kFencedLeaderEpoch;
  if (epoch > state_->epoch()) return ErrorCode::kUnknownLeaderEpoch;
  if (!is_leader()) return ErrorCode::kNotLeaderOrFollower;
  return std::nullopt;
}

bool RaftNode::is_for_this_replica(const VoterKey& addressee) const {
  if (addressee.id == kNoNode) return true;  // of versions that do not say
  return addressee.id == options_.node_id &&
         (addressee.directory_id.is_zero() || addressee.directory_id == state_->self().directory_id);
}

// ----------------------------------------------------------------------------------------------------------------
// votes

Task<Reply<protocol::VoteResponse>> RaftNode::handle(const protocol::VoteRequest& request, int16_t version) {
  using Response = protocol::VoteResponse;
  const Under under(*this);
  const Turn turn = co_await turn_.lock();
  if (const auto error = refused(request)) co_return refusal<Response>(*error);
  if (!is_of_metadata(request)) co_return refusal<Response>(ErrorCode::kInvalidRequest);
  const auto& asked = request.topics.front().partitions.front();
  const VoterKey candidate{NodeId(asked.replica_id), asked.replica_directory_id};
  const LeaderEpoch epoch(asked.replica_epoch);
  // A candidate's own epoch is new, and has no record yet.
  const bool epochs_fit =
      asked.pre_vote ? asked.last_offset_epoch <= asked.replica_epoch : asked.last_offset_epoch < asked.replica_epoch;
  if (asked.last_offset < 0 || asked.last_offset_epoch < 0 || !epochs_fit) {
    co_return partition_reply<Response>(ErrorCode::kInvalidRequest, version);
  }
  if (const auto error = refused_by_epoch(candidate.id, epoch)) co_return partition_reply<Response>(*error, version);
  if (!is_for_this_replica({NodeId(request.voter_id), asked.voter_directory_id})) {
    co_return partition_reply<Response>(ErrorCode::kInvalidVoterKey, version);
  }
  if (epoch > state_->epoch()) co_await follow_or_wait(epoch, kNoNode, {});
  const auto own = std::pair(log_->last_epoch(), log_->end_offset());
  const bool is_up_to_date = std::pair(LeaderEpoch(asked.last_offset_epoch), Offset(asked.last_offset)) >= own;
  const bool granted = !failure_ && state_->can_grant(candidate, is_up_to_date, asked.pre_vote);
  if (granted && !asked.pre_vote && state_->election().voted != candidate) {
    state_->vote_for(candidate);
    if (!co_await persist_or_fail()) co_return refusal<Response>(ErrorCode::kBrokerNotAvailable);
  }
  log_info("raft", granted ? "grants a vote" : "refuses a vote", kv("to", candidate.id), kv("epoch", epoch),
           kv("pre_vote", asked.pre_vote));
  auto reply = partition_reply<Response>(ErrorCode::kNone, version);
  reply.response.topics.front().partitions.front().vote_granted = granted;
  co_return reply;
}

// ------------------------------------------------------------------------------------------------------ quorum's
// epochs

Task<bool> RaftNode::accept_leader(NodeId leader, LeaderEpoch epoch, std::vector<VoterEndpoint> endpoints) {
  const NodeId known = state_->election().leader;
  if (epoch == state_->epoch() && known != kNoNode && known != leader) co_return false;
  if (leader == options_.node_id) co_return false;
  co_await follow_or_wait(epoch, leader, std::move(endpoints));
  co_return !failure_.has_value();
}

Task<Reply<protocol::BeginQuorumEpochResponse>> RaftNode::handle(const protocol::BeginQuorumEpochRequest& request,
                                                                 int16_t version) {
  using Response = protocol::BeginQuorumEpochResponse;
  const Under under(*this);
  const Turn turn = co_await turn_.lock();
  if (const auto error = refused(request)) co_return refusal<Response>(*error);
  if (!is_of_metadata(request)) co_return refusal<Response>(ErrorCode::kInvalidRequest);
  const auto& told = request.topics.front().partitions.front();
  const NodeId leader(told.leader_id);
  const LeaderEpoch epoch(told.leader_epoch);
  if (const auto error = refused_by_epoch(leader, epoch)) co_return partition_reply<Response>(*error, version);
  std::vector<VoterEndpoint> endpoints;
  for (const auto& endpoint : request.leader_endpoints) {
    endpoints.push_back({std::string(endpoint.name), std::string(endpoint.host), endpoint.port});
  }
  if (!co_await accept_leader(leader, epoch, std::move(endpoints))) {
    co_return partition_reply<Response>(ErrorCode::kInvalidRequest, version);
  }
  if (!is_for_this_replica({NodeId(request.voter_id), told.voter_directory_id})) {
    co_return partition_reply<Response>(ErrorCode::kInvalidVoterKey, version);
  }
  // The leader is alive, though it has not answered a fetch yet.
  if (state_->follower() != nullptr && is_voter()) arm_deadline(loop_.now() + options_.fetch_timeout);
  co_return partition_reply<Response>(ErrorCode::kNone, version);
}

Task<Reply<protocol::EndQuorumEpochResponse>> RaftNode::handle(const protocol::EndQuorumEpochRequest& request,
                                                               int16_t version) {
  using Response = protocol::EndQuorumEpochResponse;
  const Under under(*this);
  const Turn turn = co_await turn_.lock();
  if (const auto error = refused(request)) co_return refusal<Response>(*error);
  if (!is_of_metadata(request)) co_return refusal<Response>(ErrorCode::kInvalidRequest);
  const auto& told = request.topics.front().partitions.front();
  const NodeId leader(told.leader_id);
  const LeaderEpoch epoch(told.leader_epoch);
  if (const auto error = refused_by_epoch(leader, epoch)) co_return partition_reply<Response>(*error, version);
  std::vector<VoterEndpoint> endpoints;
  for (const auto& endpoint : request.leader_endpoints) {
    endpoints.push_back({std::string(endpoint.name), std::string(endpoint.host), endpoint.port});
  }
  if (!co_await accept_leader(leader, epoch, std::move(endpoints))) {
    co_return partition_reply<Response>(ErrorCode::kInvalidRequest, version);
  }
  if (state_->follower() != nullptr && is_voter()) {
    // It says itself that it is not to be waited for: others may have this node's pre-vote.
    state_->follower()->has_fetched = false;
    // The first of the successors at once, the others in turn, so that they do not stand against each other.
    size_t place = 0;
    while (place < told.preferred_candidates.size() &&
           told.preferred_candidates[place].candidate_id != options_.node_id.value()) {
      ++place;
    }
    const Duration backoff = place == 0 ? Duration::zero() : kSuccessorBackoff * (1 << std::min<size_t>(place - 1, 16));
    arm_deadline(loop_.now() + std::min(backoff, options_.election_backoff_max));
  }
  co_return partition_reply<Response>(ErrorCode::kNone, version);
}

// --------------------------------------------------------------------------------------------------------------
// fetches

std::optional<RaftNode::FetchPosition> RaftNode::position_of(const protocol::FetchRequest& request, int16_t version) {
  if (!is_of_metadata(request, version)) return std::nullopt;
  const auto& partition = request.topics.front().partitions.front();
  const int32_t replica = version >= 15 ? request.replica_state.replica_id : request.replica_id;
  if (partition.last_fetched_epoch < 0 || partition.current_leader_epoch < 0 || partition.fetch_offset < 0 ||
      request.max_wait_ms < 0) {
    return std::nullopt;
  }
  const int32_t limit = std::min(partition.partition_max_bytes > 0 ? partition.partition_max_bytes : INT32_MAX,
                                 std::max(request.max_bytes, 0));
  return FetchPosition{.replica = {NodeId(replica), partition.replica_directory_id},
                       .offset = Offset(partition.fetch_offset),
                       .last_epoch = LeaderEpoch(partition.last_fetched_epoch),
                       .current_epoch = LeaderEpoch(partition.current_leader_epoch),
                       .high_watermark = Offset(partition.high_watermark),
                       .max_bytes = static_cast<size_t>(std::min<int64_t>(limit, kRaftBatchSizeMax))};
}

Task<Reply<protocol::FetchResponse>> RaftNode::handle(const protocol::FetchRequest& request, int16_t version) {
  using Response = protocol::FetchResponse;
  const Under under(*this);
  if (const auto error = refused(request)) co_return refusal<Response>(*error);
  const auto position = position_of(request, version);
  if (!position) co_return refusal<Response>(ErrorCode::kInvalidRequest);
  const MonotonicTime deadline =
      loop_.now() + std::min<Duration>(milliseconds(std::max(request.max_wait_ms, 0)), kFetchWaitMax);
  while (true) {
    Reply<Response> reply;
    {
      const Turn turn = co_await turn_.lock();
      if (const auto error = refused(request)) co_return refusal<Response>(*error);
      if (co_await look_for_records(*position, reply, version) || loop_.now() >= deadline) co_return reply;
    }
    co_await log_changed_.wait_until(deadline);
  }
}

Task<bool> RaftNode::look_for_records(const FetchPosition& position, Reply<protocol::FetchResponse>& reply,
                                      int16_t version) {
  auto& topic = reply.response.responses.emplace_back();
  if (version >= 13) {
    topic.topic_id = kMetadataTopicId;
  } else {
    topic.topic = kMetadataTopic;
  }
  auto& partition = topic.partitions.emplace_back();
  partition.records = protocol::Records();
  const auto error = refused_as_leader(position.current_epoch);
  partition.current_leader = {state_->leader_id().value(), state_->epoch().value()};
  name_leader(reply, version, 16);
  partition.high_watermark = kNoOffset.value();
  if (error) {
    partition.error_code = static_cast<int16_t>(*error);
    co_return true;
  }
  partition.high_watermark = established_high_watermark().value();
  partition.log_start_offset = log_->start_offset().value();
  switch (log_->needs_of(position.offset, position.last_epoch)) {
    case RaftLog::ReplicaNeeds::kSnapshot: {
      const SnapshotId id = *log_->newest_snapshot();
      partition.snapshot_id = {id.end_offset.value(), id.epoch.value()};
      co_return true;
    }
    case RaftLog::ReplicaNeeds::kTruncation: {
      const storage::EpochEnd end = log_->end_of_epoch(position.last_epoch);
      partition.diverging_epoch = {end.epoch.value(), end.end.value()};
      co_return true;
    }
    case RaftLog::ReplicaNeeds::kRecords:
      break;
  }
  if (position.replica.id >= NodeId(0)) {
    state_->leader()->note_fetch(position.replica, position.offset, log_->end_offset(), loop_.now(),
                                 seams_.clock.wall());
    raise_high_watermark(state_->leader()->committed_end(voters_.voters()));
    partition.high_watermark = established_high_watermark().value();
  }
  auto records = co_await read_records(position.offset, position.max_bytes);
  if (!records) {
    log_warn("raft", "cannot read the metadata log for a replica", kv("replica", position.replica.id),
             kv("error", records.error().message));
    partition.error_code = static_cast<int16_t>(ErrorCode::kUnknownServerError);
    co_return true;
  }
  if (records->empty()) co_return position.high_watermark.value() < partition.high_watermark;
  partition.records = protocol::Records(as_bytes(reply.keep(std::move(*records))));
  co_return true;
}

Offset RaftNode::established_high_watermark() const {
  return high_watermark_ > state_->leader()->epoch_start() ? high_watermark_ : kNoOffset;
}

Task<Result<std::string>> RaftNode::read_records(Offset from, size_t max_bytes) {
  while (true) {
    auto bytes = log_->read_bytes(from, max_bytes);
    if (bytes || bytes.error().code != Errc::kWouldBlock) co_return bytes;
    CO_TRY(co_await seams_.disk_threads.run(
        [region = log_->missed()] { return region.file->bring_in(region.position, region.length); }));
  }
}

// ------------------------------------------------------------------------------------------------------------
// snapshots

Task<Reply<protocol::FetchSnapshotResponse>> RaftNode::handle(const protocol::FetchSnapshotRequest& request,
                                                              int16_t version) {
  using Response = protocol::FetchSnapshotResponse;
  const Under under(*this);
  const Turn turn = co_await turn_.lock();
  if (const auto error = refused(request)) co_return refusal<Response>(*error);
  if (!is_of_metadata(request)) co_return refusal<Response>(ErrorCode::kInvalidRequest);
  const auto& asked = request.topics.front().partitions.front();
  Reply<Response> reply;
  auto& topic = reply.response.topics.emplace_back();
  topic.name = kMetadataTopic;
  auto& partition = topic.partitions.emplace_back();
  partition.current_leader = {state_->leader_id().value(), state_->epoch().value()};
  name_leader(reply, version, 1);
  const auto answer = [&](ErrorCode error) {
    partition.error_code = static_cast<int16_t>(error);
    return std::move(reply);
  };
  if (const auto error = refused_as_leader(LeaderEpoch(asked.current_leader_epoch))) co_return answer(*error);
  const SnapshotId id{Offset(asked.snapshot_id.end_offset), LeaderEpoch(asked.snapshot_id.epoch)};
  const auto found = log_->snapshots().find(id);
  if (found == log_->snapshots().end()) co_return answer(ErrorCode::kSnapshotNotFound);
  const uint64_t size = found->second.size_bytes;
  if (asked.position < 0 || static_cast<uint64_t>(asked.position) >= size) {
    co_return answer(ErrorCode::kPositionOutOfRange);
  }
  // Who loads a snapshot does not fetch meanwhile, and is alive.
  if (request.replica_id >= 0) {
    state_->leader()->note_alive({NodeId(request.replica_id), asked.replica_directory_id}, loop_.now());
  }
  const uint64_t position = static_cast<uint64_t>(asked.position);
  const size_t wanted = std::min<uint64_t>(
      {size - position, static_cast<uint64_t>(std::max(request.max_bytes, 1)), uint64_t{kRaftBatchSizeMax}});
  auto bytes = co_await seams_.disk_threads.run(
      [&disk = seams_.disk, path = log_->snapshot_path(id), position, wanted]() -> Result<std::string> {
        TRY_ASSIGN(const auto file, disk.open(path, OpenMode::kRead));
        std::string content(wanted, '\0');
        TRY_ASSIGN(const size_t got,
                   file->read_at(position, MutableBytes(reinterpret_cast<uint8_t*>(content.data()), content.size())));
        content.resize(got);
        return content;
      });
  if (!bytes) co_return answer(ErrorCode::kSnapshotNotFound);
  partition.snapshot_id = {id.end_offset.value(), id.epoch.value()};
  partition.size = static_cast<int64_t>(size);
  partition.position = asked.position;
  partition.unaligned_records = protocol::Records(as_bytes(reply.keep(std::move(*bytes))));
  co_return std::move(reply);
}

}  // namespace weir::quorum
