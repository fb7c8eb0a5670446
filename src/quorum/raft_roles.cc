// RaftNode's changes of role: deadlines, elections, and what a node tells the others of its role.
#include <algorithm>

#include "base/log.h"
#include "quorum/raft_node.h"
#include "storage/full_disk.h"

namespace weir::quorum {

using protocol::ErrorCode;

namespace {

// A leader that a majority has not fetched from for longer than this share of the fetch timeout resigns: the others
// elect another by then.
constexpr double kMajorityPatience = 1.5;

Duration majority_patience(Duration fetch_timeout) {
  return std::chrono::duration_cast<Duration>(fetch_timeout * kMajorityPatience);
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------
// deadlines

void RaftNode::DeadlineTimer::on_expiry() { node_.spawn(node_.on_deadline()); }

void RaftNode::arm_deadline(MonotonicTime deadline) {
  deadline_ = deadline;
  deadline_timer_.cancel();
  if (deadline != kNever && !is_over()) loop_.timers().arm(deadline_timer_, deadline);
}

Duration RaftNode::election_patience() {
  const auto spread = static_cast<uint64_t>(std::max<int64_t>(options_.election_timeout.count(), 1));
  return options_.election_timeout + Duration(static_cast<int64_t>(seams_.random.below(spread)));
}

// What is left of the present deadline: news of another epoch must not put an election off for ever.
Duration RaftNode::remaining_patience() {
  if (is_leader() || deadline_ == kNever) return election_patience();
  return std::max(deadline_ - loop_.now(), Duration::zero());
}

Task<void> RaftNode::on_deadline() {
  const Turn turn = co_await turn_.lock();
  if (is_over()) co_return;
  if (loop_.now() < deadline_) {
    arm_deadline(deadline_);
    co_return;
  }
  switch (state_->role()) {
    case RoleName::kLeader:
      co_await check_majority();
      break;
    case RoleName::kResigned:
      state_->become_unattached(state_->epoch() + 1);
      co_await take_up_role(election_patience());
      break;
    case RoleName::kProspective:
      co_await go_back();
      break;
    case RoleName::kFollower:
      if (!may_stand()) {
        state_->become_unattached(state_->epoch());
        co_await take_up_role(Duration::max());
        break;
      }
      [[fallthrough]];
    case RoleName::kUnattached:
    case RoleName::kCandidate:
      if (may_stand()) co_await stand_for_election();
      break;
  }
}

Task<bool> RaftNode::persist_or_fail() {
  while (true) {
    const auto persisted = co_await persist();
    if (persisted) co_return true;
    if (stopping_) co_return false;
    if (persisted.error().code != Errc::kNoSpace || !started_ || failure_) {
      fail_log(persisted.error());
      co_return false;
    }
    log_warn("raft", "the quorum's state waits for room on the disk", kv("why", persisted.error().message));
    co_await sleep_for(storage::kFullDiskRetryInterval);
  }
}

Task<bool> RaftNode::take_up_role(Duration patience) {
  if (announced_ && !is_leader()) {
    announced_ = false;
    leadership_->on_no_longer_leader();
  }
  committed_changed_.notify_all();
  log_changed_.notify_all();
  role_changed_.notify_all();
  if (!co_await persist_or_fail()) co_return false;
  log_info("raft", role_name(state_->role()), kv("epoch", state_->epoch()), kv("leader", state_->leader_id()));
  // A leader that was removed has resigned, and waits for the next one as an observer.
  const bool waits = may_stand() || state_->role() == RoleName::kFollower || state_->role() == RoleName::kResigned;
  arm_deadline(waits && patience != Duration::max() ? loop_.now() + patience : kNever);
  const uint64_t term = state_->term();
  const auto& voters = voters_.voters().voters();
  switch (state_->role()) {
    case RoleName::kFollower:
      // Brokers are never voters.
      if (!options_.endpoints.empty()) spawn(tend_own_vote(term));
      [[fallthrough]];
    case RoleName::kUnattached:
      spawn(fetch_in_term(term));
      break;
    case RoleName::kProspective:
    case RoleName::kCandidate:
      for (const auto& [id, voter] : voters) {
        if (id != options_.node_id) spawn(ask_for_vote(voter, term));
      }
      break;
    case RoleName::kResigned:
      ends_told_ = 0;
      for (const VoterKey& successor : state_->resigned()->successors) {
        if (const auto found = voters.find(successor.id); found != voters.end()) {
          spawn(announce_end(found->second, term));
        }
      }
      break;
    case RoleName::kLeader:
      for (const auto& [id, voter] : voters) {
        if (id != options_.node_id) spawn(announce_epoch(voter, term));
      }
      break;
  }
  co_return true;
}

// ------------------------------------------------------------------------------------------------------------
// elections

Task<void> RaftNode::stand_for_election() {
  state_->become_prospective(voters_.voters());
  if (co_await take_up_role(election_patience())) co_await count_votes();
}

Task<void> RaftNode::count_votes() {
  if (state_->role() == RoleName::kProspective && state_->ballot()->is_won()) {
    state_->become_candidate(voters_.voters());
    if (!co_await take_up_role(election_patience())) co_return;
  }
  const Ballot* ballot = state_->ballot();
  if (ballot == nullptr) co_return;
  if (state_->role() == RoleName::kCandidate && ballot->is_won()) {
    co_await lead();
  } else if (state_->role() == RoleName::kProspective && ballot->is_lost()) {
    co_await go_back();
  }
  // A candidate that lost waits for its deadline, which chance spreads, or for the one who won.
}

// Nobody is to be disturbed by an election: back to the leader, or to waiting.
Task<void> RaftNode::go_back() {
  const NodeId leader = state_->leader_id();
  auto endpoints = state_->leader_endpoints();
  if (leader != kNoNode && !endpoints.empty()) {
    state_->become_follower(state_->epoch(), leader, std::move(endpoints));
    co_await take_up_role(options_.fetch_timeout);
  } else {
    state_->become_unattached(state_->epoch());
    co_await take_up_role(election_patience());
  }
}

Task<void> RaftNode::lead() {
  // What was read from another leader, or flushed as another's, is done with.
  while (flushing_) co_await idle_.wait();
  state_->become_leader(log_->end_offset(), loop_.now());
  if (!co_await take_up_role(majority_patience(options_.fetch_timeout))) co_return;
  if (const auto appended = append_leader_change(); !appended) {
    if (appended.error().code != Errc::kNoSpace || !started_) {
      fail_log(appended.error());
      co_return;
    }
    log_warn("raft", "cannot lead without room on the disk", kv("why", appended.error().message));
    state_->resign(voters_.voters());
    co_await take_up_role(election_patience());
    co_return;
  }
  log_info("raft", "leads the metadata quorum", kv("epoch", state_->epoch()), kv("offset", log_->end_offset()));
}

Task<void> RaftNode::check_majority() {
  const MonotonicTime followed = state_->leader()->majority_followed_at(voters_.voters());
  const MonotonicTime due = followed == kNever ? kNever : followed + majority_patience(options_.fetch_timeout);
  if (loop_.now() < due) {
    arm_deadline(due);
    co_return;
  }
  log_warn("raft", "resigns: a majority of the voters does not fetch any more", kv("epoch", state_->epoch()));
  state_->resign(voters_.voters());
  co_await take_up_role(election_patience());
}

Task<void> RaftNode::resign_without_room(uint64_t term) {
  const Turn turn = co_await turn_.lock();
  if (state_->term() != term || is_over() || voters_.voters().is_only_voter(state_->self())) co_return;
  log_warn("raft", "resigns: there is no room for the log on its disk", kv("epoch", state_->epoch()));
  state_->resign(voters_.voters());
  co_await take_up_role(election_patience());
}

Task<void> RaftNode::hand_over() {
  uint64_t term = 0;
  {
    const Turn turn = co_await turn_.lock();
    if (!is_leader() || is_over() || voters_.voters().is_only_voter(state_->self())) co_return;
    state_->resign(voters_.voters());
    if (!co_await take_up_role(options_.request_timeout)) co_return;
    term = state_->term();
  }
  // Told, or taken over by another: both are the end of it.
  const MonotonicTime deadline = loop_.now() + options_.request_timeout;
  while (state_->term() == term && ends_told_ < state_->resigned()->successors.size() && loop_.now() < deadline) {
    co_await role_changed_.wait_until(deadline);
  }
}

// ------------------------------------------------------------------------------------------------------ what is learnt

std::optional<Endpoint> RaftNode::endpoint_of(const std::vector<VoterEndpoint>& endpoints) const {
  if (endpoints.empty()) return std::nullopt;
  const auto named = std::ranges::find(endpoints, options_.listener_name, &VoterEndpoint::listener);
  const VoterEndpoint& found = named == endpoints.end() ? endpoints.front() : *named;
  return Endpoint{found.host, found.port};
}

std::vector<VoterEndpoint> RaftNode::endpoints_of(NodeId node) const {
  const auto& voters = voters_.voters().voters();
  const auto found = voters.find(node);
  return found == voters.end() || node == options_.node_id ? std::vector<VoterEndpoint>{} : found->second.endpoints;
}

std::optional<Endpoint> RaftNode::leader_endpoint() const { return endpoint_of(state_->leader_endpoints()); }

Task<void> RaftNode::follow_or_wait(LeaderEpoch epoch, NodeId leader, std::vector<VoterEndpoint> endpoints) {
  const bool is_news = epoch > state_->epoch();
  if (epoch < state_->epoch() || (!is_news && leader == kNoNode)) co_return;
  const NodeId known = state_->election().leader;
  if (!is_news && known != kNoNode && known != leader) {
    log_error("raft", "two leaders of one epoch", kv("epoch", epoch), kv("one", known), kv("another", leader));
    co_return;
  }
  if (!is_news && (state_->follower() != nullptr || leader == options_.node_id)) co_return;
  if (leader == options_.node_id) leader = kNoNode;  // of an epoch that this node does not know: it is not that leader
  if (leader != kNoNode && endpoints.empty()) endpoints = endpoints_of(leader);
  if (leader == kNoNode || endpoints.empty()) {
    if (!is_news && known == leader) co_return;
    const Duration patience = remaining_patience();
    state_->become_unattached(epoch, leader);
    co_await take_up_role(patience);
    co_return;
  }
  if (is_leader()) state_->become_unattached(epoch, leader);
  state_->become_follower(epoch, leader, std::move(endpoints));
  co_await take_up_role(options_.fetch_timeout);
}

Task<bool> RaftNode::learn(Told told) {
  const auto error = static_cast<ErrorCode>(told.error);
  if (told.epoch < state_->epoch() || error == ErrorCode::kUnknownLeaderEpoch) co_return false;
  const bool is_behind = told.epoch > state_->epoch() || error == ErrorCode::kFencedLeaderEpoch ||
                         error == ErrorCode::kNotLeaderOrFollower;
  const bool names_leader = told.leader != kNoNode && state_->leader_id() == kNoNode;
  const uint64_t term = state_->term();
  if (is_behind || names_leader) co_await follow_or_wait(told.epoch, told.leader, std::move(told.endpoints));
  co_return !is_behind && state_->term() == term && error == ErrorCode::kNone;
}

template <class Response>
RaftNode::Told RaftNode::told_by(const Response& response) const {
  if (response.topics.size() != 1 || response.topics.front().partitions.size() != 1) {
    return {static_cast<int16_t>(ErrorCode::kUnknownServerError), state_->epoch(), kNoNode, {}};
  }
  const auto& partition = response.topics.front().partitions.front();
  Told told{partition.error_code, LeaderEpoch(partition.leader_epoch), NodeId(partition.leader_id), {}};
  for (const auto& node : response.node_endpoints) {
    if (node.node_id == partition.leader_id) {
      told.endpoints.push_back({options_.listener_name, std::string(node.host), node.port});
    }
  }
  return told;
}

// ------------------------------------------------------------------------------------------------------- what is sent

// Waits; false when the term is over.
Task<bool> RaftNode::pause(uint64_t term, Duration duration) {
  const MonotonicTime until = loop_.now() + duration;
  while (state_->term() == term && !is_over() && loop_.now() < until) co_await role_changed_.wait_until(until);
  co_return state_->term() == term && !is_over();
}

Task<void> RaftNode::ask_for_vote(Voter voter, uint64_t term) {
  const auto to = endpoint_of(voter.endpoints);
  Duration backoff = options_.retry_backoff;
  while (to && state_->term() == term && !is_over()) {
    protocol::VoteRequest request;
    request.cluster_id = cluster_id_;
    request.voter_id = voter.key.id.value();
    auto& topic = request.topics.emplace_back();
    topic.topic_name = kMetadataTopic;
    auto& partition = topic.partitions.emplace_back();
    partition.replica_epoch = state_->epoch().value();
    partition.replica_id = options_.node_id.value();
    partition.replica_directory_id = state_->self().directory_id;
    partition.voter_directory_id = voter.key.directory_id;
    partition.last_offset_epoch = log_->last_epoch().value();
    partition.last_offset = log_->end_offset().value();
    partition.pre_vote = state_->role() == RoleName::kProspective;
    const auto answer = co_await channel_.call(*to, request, loop_.now() + options_.request_timeout);
    if (answer && answer->message.error_code == 0) {
      const Turn turn = co_await turn_.lock();
      if (state_->term() == term && !is_over()) co_await take_vote(voter, answer->message);
      co_return;
    }
    if (answer) {
      log_warn("raft", "a voter refuses to vote", kv("voter", voter.key.id), kv("error", answer->message.error_code));
    }
    if (!co_await pause(term, backoff)) co_return;
    backoff = std::min(backoff * 2, options_.election_backoff_max);
  }
}

Task<void> RaftNode::take_vote(const Voter& voter, const protocol::VoteResponse& response) {
  const Told told = told_by(response);
  const bool is_understood = co_await learn(told);
  Ballot* ballot = state_->ballot();
  if (ballot == nullptr || told.epoch != state_->epoch()) co_return;
  if (is_understood && response.topics.front().partitions.front().vote_granted) {
    ballot->grant(voter.key);
  } else {
    ballot->refuse(voter.key);
  }
  co_await count_votes();
}

// Until the voter fetches, and again when it does not for a while: it may have missed that there is a new leader.
Task<void> RaftNode::announce_epoch(Voter voter, uint64_t term) {
  const auto to = endpoint_of(voter.endpoints);
  const Duration interval = options_.fetch_timeout / 2;
  Duration backoff = options_.retry_backoff;
  const auto is_in_force = [&] {
    const Voter* now = voters_.voters().find(voter.key.id);
    return now != nullptr && *now == voter;
  };
  while (to && state_->term() == term && !is_over() && is_in_force()) {
    const Leader::Replica* replica = state_->leader()->find(voter);
    if (replica != nullptr && loop_.now() < replica->fetched_at + interval) {
      if (!co_await pause(term, replica->fetched_at + interval - loop_.now())) co_return;
      continue;
    }
    protocol::BeginQuorumEpochRequest request;
    request.cluster_id = cluster_id_;
    request.voter_id = voter.key.id.value();
    auto& topic = request.topics.emplace_back();
    topic.topic_name = kMetadataTopic;
    auto& partition = topic.partitions.emplace_back();
    partition.voter_directory_id = voter.key.directory_id;
    partition.leader_id = options_.node_id.value();
    partition.leader_epoch = state_->epoch().value();
    for (const VoterEndpoint& own : options_.endpoints) {
      request.leader_endpoints.push_back({own.listener, own.host, own.port});
    }
    const auto answer = co_await channel_.call(*to, request, loop_.now() + options_.request_timeout);
    bool is_told = false;
    if (answer && answer->message.error_code == 0) {
      const Turn turn = co_await turn_.lock();
      if (state_->term() == term && !is_over()) is_told = co_await learn(told_by(answer->message));
    }
    if (!co_await pause(term, is_told ? interval : backoff)) co_return;
    backoff = is_told ? options_.retry_backoff : std::min(backoff * 2, interval);
  }
}

Task<void> RaftNode::announce_end(Voter voter, uint64_t term) {
  const auto to = endpoint_of(voter.endpoints);
  while (to && state_->term() == term && !is_over()) {
    protocol::EndQuorumEpochRequest request;
    request.cluster_id = cluster_id_;
    auto& topic = request.topics.emplace_back();
    topic.topic_name = kMetadataTopic;
    auto& partition = topic.partitions.emplace_back();
    partition.leader_id = options_.node_id.value();
    partition.leader_epoch = state_->epoch().value();
    for (const VoterKey& key : state_->resigned()->successors) {
      partition.preferred_candidates.push_back({key.id.value(), key.directory_id});
    }
    for (const VoterEndpoint& own : options_.endpoints) {
      request.leader_endpoints.push_back({own.listener, own.host, own.port});
    }
    const auto answer = co_await channel_.call(*to, request, loop_.now() + options_.request_timeout);
    if (answer && answer->message.error_code == 0) {
      const Turn turn = co_await turn_.lock();
      if (state_->term() != term || is_over()) co_return;
      ++ends_told_;
      role_changed_.notify_all();
      static_cast<void>(co_await learn(told_by(answer->message)));
      co_return;
    }
    if (!co_await pause(term, options_.retry_backoff)) co_return;
  }
}

}  // namespace weir::quorum
