// Changes of the set of voters: what the leader answers, with Kafka's errors, and what a node asks the leader for.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "protocol/control_record.h"
#include "protocol/messages/api_versions_request.h"
#include "protocol/messages/api_versions_response.h"
#include "quorum/raft_node.h"

namespace weir::quorum {

using protocol::ErrorCode;
using protocol::Reply;

namespace {

// The kraft.version from which on the log names the voters.
constexpr int16_t kDynamicVoters = 1;
// What this node speaks itself.
constexpr VersionRange kSupported{0, kDynamicVoters};

std::string text_of(const VoterKey& key) {
  return fmt::format("ReplicaKey(id={}, directoryId={})", key.id.value(),
                     key.directory_id.is_zero() ? "<undefined>" : key.directory_id.to_string());
}

std::string text_of(const VoterSet& voters) {
  std::string text;
  for (const auto& [id, voter] : voters.voters()) text += (text.empty() ? "" : ", ") + text_of(voter.key);
  return "[" + text + "]";
}

template <class Listeners>
std::vector<VoterEndpoint> endpoints_from(const Listeners& listeners) {
  std::vector<VoterEndpoint> endpoints;
  for (const auto& listener : listeners) {
    endpoints.push_back({std::string(listener.name), std::string(listener.host), listener.port});
  }
  return endpoints;
}

bool has_listener(const std::vector<VoterEndpoint>& endpoints, const std::string& name) {
  return std::ranges::find(endpoints, name, &VoterEndpoint::listener) != endpoints.end();
}

template <class Request>
bool names_replica(const Request& request) {
  return request.voter_id >= 0 && !request.voter_directory_id.is_zero();
}

// Set while a change is under way.
class Pending {
 public:
  explicit Pending(bool& flag) : flag_(flag) { flag_ = true; }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() { flag_ = false; }

 private:
  bool& flag_;
};

}  // namespace

// ------------------------------------------------------------------------------------------------------------- answers

template <class Response>
Reply<Response> RaftNode::reply_with(Verdict verdict) {
  Reply<Response> reply;
  reply.response.error_code = static_cast<int16_t>(verdict.error);
  if (!verdict.message.empty()) reply.response.error_message = reply.keep(std::move(verdict.message));
  return reply;
}

template <class Request>
std::optional<RaftNode::Verdict> RaftNode::refused_change(const Request& request) const {
  const auto error = refused(request);
  if (error == ErrorCode::kInconsistentClusterId) {
    return Verdict{*error, fmt::format("The given id \"{}\" doesn't match the cluster id \"{}\"", *request.cluster_id,
                                       cluster_id_)};
  }
  if (error) return Verdict{*error};
  if (!is_leader()) return Verdict{ErrorCode::kNotLeaderOrFollower};
  return std::nullopt;
}

std::optional<RaftNode::Verdict> RaftNode::refused_for_now(std::string_view what) const {
  if (changing_voters_) {
    return Verdict{ErrorCode::kRequestTimedOut,
                   "Request timed out waiting for leader to handle previous voter change request"};
  }
  // Before a commit of its own epoch a leader does not know which changes of earlier leaders are in force: two sets
  // that differ by more than one voter need not have a voter in both majorities.
  if (established_high_watermark() == kNoOffset) {
    return Verdict{ErrorCode::kRequestTimedOut,
                   "Request timed out waiting for leader to establish HWM and fence previous voter changes"};
  }
  if (voters_.kraft_version() < kDynamicVoters) {
    return Verdict{ErrorCode::kUnsupportedVersion,
                   fmt::format("Cluster doesn't support {} voter because the {} feature is {}", what,
                               kKraftVersionFeature, voters_.kraft_version())};
  }
  if (voters_.voters_offset() >= high_watermark_) {
    return Verdict{
        ErrorCode::kRequestTimedOut,
        fmt::format("Request timed out waiting for voters to commit the latest voter change at {} with HWM {}",
                    voters_.voters_offset().value(), high_watermark_.value())};
  }
  return std::nullopt;
}

// ----------------------------------------------------------------------------------------------------- adding,
// removing

Task<Reply<protocol::AddRaftVoterResponse>> RaftNode::handle(const protocol::AddRaftVoterRequest& request,
                                                             int16_t /*version*/) {
  using Response = protocol::AddRaftVoterResponse;
  const Under under(*this);
  if (auto refusal = refused_change(request)) co_return reply_with<Response>(*std::move(refusal));
  if (!names_replica(request)) {
    co_return reply_with<Response>({ErrorCode::kInvalidRequest, "Add voter request didn't include a valid voter"});
  }
  Voter voter{.key = {NodeId(request.voter_id), request.voter_directory_id},
              .endpoints = endpoints_from(request.listeners)};
  if (!has_listener(voter.endpoints, options_.listener_name)) {
    co_return reply_with<Response>(
        {ErrorCode::kInvalidRequest,
         fmt::format("Add voter request didn't include the endpoint for the default listener {}",
                     options_.listener_name)});
  }
  if (auto refusal = refused_for_now("adding")) co_return reply_with<Response>(*std::move(refusal));
  const Pending pending(changing_voters_);
  co_return reply_with<Response>(co_await add_voter(std::move(voter), request.ack_when_committed));
}

Task<RaftNode::Verdict> RaftNode::add_voter(Voter voter, bool waits_for_commit) {
  const VoterSet& voters = voters_.voters();
  if (voters.find(voter.key.id) != nullptr) {
    co_return Verdict{ErrorCode::kDuplicateVoter,
                      fmt::format("The voter id for {} is already part of the set of voters {}.", text_of(voter.key),
                                  text_of(voters))};
  }
  const uint64_t term = state_->term();
  const auto range = co_await ask_kraft_version(*endpoint_of(voter.endpoints));
  if (state_->term() != term || is_over()) co_return Verdict{ErrorCode::kNotLeaderOrFollower};
  if (!range) {
    log_info("raft", "a new voter does not answer", kv("voter", voter.key.id), kv("error", range.error().message));
    co_return Verdict{ErrorCode::kRequestTimedOut,
                      fmt::format("New voter {} is not ready to receive requests", text_of(voter.key))};
  }
  if (!range->contains(voters_.kraft_version())) {
    co_return Verdict{
        ErrorCode::kInvalidRequest,
        fmt::format("Aborted add voter operation for {} since the {} range (min: {}, max: {}) doesn't "
                    "support the finalized version {}",
                    text_of(voter.key), kKraftVersionFeature, range->min, range->max, voters_.kraft_version())};
  }
  if (!state_->leader()->has_caught_up(voter.key, loop_.now())) {
    co_return Verdict{ErrorCode::kRequestTimedOut,
                      fmt::format("Aborted add voter operation for {} since it is lagging behind", text_of(voter.key))};
  }
  voter.kraft_version = *range;
  auto changed = voters_.voters().with(std::move(voter));
  CHECK(changed.has_value(), "a voter was added while another change was under way");
  const auto appended = append_voters(*std::move(changed));
  if (!appended) co_return Verdict{ErrorCode::kRequestTimedOut, appended.error().message};
  if (!waits_for_commit) co_return Verdict{};
  co_return co_await voters_committed(*appended);
}

Task<Result<VersionRange>> RaftNode::ask_kraft_version(Endpoint node) {
  protocol::ApiVersionsRequest request;
  request.client_software_name = "weir";
  request.client_software_version = WEIR_VERSION;
  CO_TRY_ASSIGN(const auto answer,
                co_await channel_.call(std::move(node), request, loop_.now() + options_.request_timeout));
  if (answer.message.error_code != 0) {
    co_return fail(Errc::kUnavailable, fmt::format("ApiVersions returned the error {}", answer.message.error_code));
  }
  for (const auto& feature : answer.message.supported_features) {
    if (feature.name == kKraftVersionFeature) co_return VersionRange{feature.min_version, feature.max_version};
  }
  co_return VersionRange{0, 0};
}

Task<Reply<protocol::RemoveRaftVoterResponse>> RaftNode::handle(const protocol::RemoveRaftVoterRequest& request,
                                                                int16_t /*version*/) {
  using Response = protocol::RemoveRaftVoterResponse;
  const Under under(*this);
  if (auto refusal = refused_change(request)) co_return reply_with<Response>(*std::move(refusal));
  if (!names_replica(request)) {
    co_return reply_with<Response>({ErrorCode::kInvalidRequest, "Remove voter request didn't include a valid voter"});
  }
  if (auto refusal = refused_for_now("removing")) co_return reply_with<Response>(*std::move(refusal));
  const Pending pending(changing_voters_);
  co_return reply_with<Response>(co_await remove_voter({NodeId(request.voter_id), request.voter_directory_id}));
}

Task<RaftNode::Verdict> RaftNode::remove_voter(const VoterKey& key) {
  auto changed = voters_.voters().without(key);
  if (!changed) {
    co_return Verdict{ErrorCode::kVoterNotFound, fmt::format("Cannot remove voter {} from the set of voters {}",
                                                             text_of(key), text_of(voters_.voters()))};
  }
  const auto appended = append_voters(*std::move(changed));
  if (!appended) co_return Verdict{ErrorCode::kRequestTimedOut, appended.error().message};
  co_return co_await voters_committed(*appended);
}

Result<Offset> RaftNode::append_voters(VoterSet voters) {
  protocol::BatchOptions batch_options;
  batch_options.is_control = true;
  protocol::BatchBuilder batch(batch_options);
  TRY(append_control(batch, seams_.clock.wall(), protocol::ControlType::kKraftVoters, voters.to_record(), 0));
  TRY_ASSIGN(const Offset offset, append_batch(batch));
  log_info("raft", "changes the set of voters", kv("offset", offset), kv("voters", text_of(voters)));
  const VoterSet before = voters_.voters();
  voters_.add_voters(offset, std::move(voters));
  for (const auto& [id, voter] : voters_.voters().voters()) {
    const Voter* known = before.find(id);
    if (id != options_.node_id && (known == nullptr || *known != voter)) {
      spawn(announce_epoch(voter, state_->term()));
    }
  }
  // A leader that was alone had nobody to wait for.
  arm_deadline(std::min(deadline_, loop_.now() + options_.fetch_timeout));
  return offset;
}

Task<RaftNode::Verdict> RaftNode::voters_committed(Offset offset) {
  const uint64_t term = state_->term();
  const LeaderEpoch epoch = state_->epoch();
  const MonotonicTime deadline = loop_.now() + options_.request_timeout;
  while (true) {
    // A leader that removed itself has resigned by then: what tells is that this epoch's record is still there.
    const storage::EpochEnd end = log_->end_of_epoch(epoch);
    if (high_watermark_ > offset && end.epoch == epoch && end.end > offset) co_return Verdict{};
    if (state_->term() != term || is_over()) co_return Verdict{ErrorCode::kNotLeaderOrFollower};
    if (loop_.now() >= deadline) co_return Verdict{ErrorCode::kRequestTimedOut};
    co_await log_changed_.wait_until(deadline);
  }
}

bool RaftNode::may_stand() const {
  if (is_voter()) return true;
  // A removal that may not be committed: this log may be the only one that is long enough to win, and without it there
  // would be no leader for ever. What it wins are the votes of the others; when the removal is committed, it resigns.
  const Offset removed = voters_.voters_offset();
  return removed >= high_watermark_ && voters_.voters_before(removed).contains(state_->self());
}

void RaftNode::resign_if_removed() {
  if (!is_leader() || is_voter() || voters_.voters_offset() >= high_watermark_) return;
  spawn(resign_as_removed(state_->term()));
}

Task<void> RaftNode::resign_as_removed(uint64_t term) {
  const Turn turn = co_await turn_.lock();
  if (state_->term() != term || is_over()) co_return;
  log_info("raft", "resigns: it is no voter any more", kv("epoch", state_->epoch()));
  state_->resign(voters_.voters());
  co_await take_up_role(election_patience());
}

// -------------------------------------------------------------------------------------------------------------
// updating

Task<Reply<protocol::UpdateRaftVoterResponse>> RaftNode::handle(const protocol::UpdateRaftVoterRequest& request,
                                                                int16_t /*version*/) {
  const Under under(*this);
  Reply<protocol::UpdateRaftVoterResponse> reply;
  reply.response.error_code = static_cast<int16_t>(update_voter(request).error);
  auto& leader = reply.response.current_leader;
  leader.leader_id = state_->leader_id().value();
  leader.leader_epoch = state_->epoch().value();
  const auto endpoints = is_leader() ? options_.endpoints : state_->leader_endpoints();
  if (const auto endpoint = endpoint_of(endpoints)) {
    leader.host = reply.keep(endpoint->host);
    leader.port = endpoint->port;
  }
  co_return reply;
}

RaftNode::Verdict RaftNode::update_voter(const protocol::UpdateRaftVoterRequest& request) {
  if (const auto error = refused(request)) return {*error};
  if (const auto error = refused_as_leader(LeaderEpoch(request.current_leader_epoch))) return {*error};
  const VersionRange range{request.kraft_version_feature.min_supported_version,
                           request.kraft_version_feature.max_supported_version};
  Voter voter{.key = {NodeId(request.voter_id), request.voter_directory_id},
              .endpoints = endpoints_from(request.listeners),
              .kraft_version = range};
  const bool is_valid = names_replica(request) && has_listener(voter.endpoints, options_.listener_name) &&
                        range.min >= 0 && range.min <= range.max;
  if (!is_valid) return {ErrorCode::kInvalidRequest};
  if (auto refusal = refused_for_now("updating")) return *std::move(refusal);
  if (!range.contains(voters_.kraft_version())) return {ErrorCode::kInvalidRequest};
  auto changed = voters_.voters().updated(std::move(voter));
  if (!changed) return {ErrorCode::kVoterNotFound};
  const auto appended = append_voters(*std::move(changed));
  return appended ? Verdict{} : Verdict{ErrorCode::kRequestTimedOut, appended.error().message};
}

// ------------------------------------------------------------------------------------------------------ what is asked
// for

Voter RaftNode::own_voter() const { return {state_->self(), options_.endpoints, kSupported}; }

Task<void> RaftNode::tend_own_vote(uint64_t term) {
  // Some fetches first: what the log says of the voters may be old.
  while (co_await pause(term, options_.fetch_timeout)) {
    const auto leader = leader_endpoint();
    if (!leader || voters_.kraft_version() < kDynamicVoters) continue;
    const Voter* voter = voters_.voters().find(options_.node_id);
    if (is_voter()) {
      if (*voter != own_voter()) co_await tell_own_endpoints(*leader);
    } else if (options_.auto_join) {
      co_await join_voters(*leader, voter);
    }
  }
}

Task<void> RaftNode::tell_own_endpoints(Endpoint leader) {
  const Voter own = own_voter();
  protocol::UpdateRaftVoterRequest request;
  request.cluster_id = cluster_id_;
  request.current_leader_epoch = state_->epoch().value();
  request.voter_id = own.key.id.value();
  request.voter_directory_id = own.key.directory_id;
  for (const auto& endpoint : own.endpoints) {
    request.listeners.push_back({endpoint.listener, endpoint.host, endpoint.port});
  }
  request.kraft_version_feature = {own.kraft_version.min, own.kraft_version.max};
  const auto answer = co_await channel_.call(std::move(leader), request, loop_.now() + options_.request_timeout);
  if (answer) log_info("raft", "told the leader of its endpoints", kv("error", answer->message.error_code));
}

// One step: the next comes when this one is in the log.
Task<void> RaftNode::join_voters(Endpoint leader, const Voter* former) {
  const MonotonicTime deadline = loop_.now() + options_.request_timeout;
  if (former != nullptr) {
    protocol::RemoveRaftVoterRequest request;
    request.cluster_id = cluster_id_;
    request.voter_id = former->key.id.value();
    request.voter_directory_id = former->key.directory_id;
    const auto answer = co_await channel_.call(std::move(leader), request, deadline);
    if (answer) log_info("raft", "asked to remove its former disk", kv("error", answer->message.error_code));
    co_return;
  }
  const Voter own = own_voter();
  protocol::AddRaftVoterRequest request;
  request.cluster_id = cluster_id_;
  request.timeout_ms = static_cast<int32_t>(std::chrono::duration_cast<milliseconds>(options_.request_timeout).count());
  request.voter_id = own.key.id.value();
  request.voter_directory_id = own.key.directory_id;
  for (const auto& endpoint : own.endpoints) {
    request.listeners.push_back({endpoint.listener, endpoint.host, endpoint.port});
  }
  request.ack_when_committed = false;
  const auto answer = co_await channel_.call(std::move(leader), request, deadline);
  if (answer) log_info("raft", "asked to become a voter", kv("error", answer->message.error_code));
}

}  // namespace weir::quorum
