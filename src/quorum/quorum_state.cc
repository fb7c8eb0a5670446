#include "quorum/quorum_state.h"

#include <algorithm>
#include <array>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"

namespace weir::quorum {
namespace {

constexpr std::array<std::string_view, 6> kRoleNames = {"unattached", "follower", "prospective",
                                                        "candidate",  "leader",   "resigned"};

// Row: from; column: to. In the order of RoleName. A row says why each is there:
//   unattached: saw a higher epoch or voted; found the leader; its election timeout passed.
//   follower: saw a higher epoch; found a leader of a higher epoch; cannot fetch any more.
//   prospective: saw a higher epoch or lost; found or went back to a leader; won the pre-votes.
//   candidate: saw a higher epoch; found a leader; lost or timed out; won.
//   leader: saw a higher epoch; stops, or has lost its majority.
//   resigned: saw a higher epoch or waited long enough; found a leader; is the only voter after a restart.
constexpr std::array<std::array<bool, 6>, 6> kLegal = {{
    //                 unattached follower prospective candidate leader resigned
    /* unattached  */ {true, true, true, false, false, false},
    /* follower    */ {true, true, true, false, false, false},
    /* prospective */ {true, true, false, true, false, false},
    /* candidate   */ {true, true, true, false, true, false},
    /* leader      */ {true, false, false, false, false, true},
    /* resigned    */ {true, true, true, false, false, false},
}};

template <class... Functions>
struct Overload : Functions... {
  using Functions::operator()...;
};

// Observers that do not fetch any more are forgotten after this time, as in Kafka, and no more than that many are kept:
// ids and directories come from requests.
constexpr Duration kObserverSession = std::chrono::minutes(5);
constexpr size_t kReplicasMax = 4096;

template <class Role>
constexpr bool kKnowsVote =
    std::is_same_v<Role, Unattached> || std::is_same_v<Role, Follower> || std::is_same_v<Role, Prospective>;

bool is_replica_of(const Voter& voter, const VoterKey& replica) {
  return replica.id == voter.key.id &&
         (voter.key.directory_id.is_zero() || voter.key.directory_id == replica.directory_id);
}

}  // namespace

std::string_view role_name(RoleName role) { return kRoleNames[static_cast<size_t>(role)]; }

bool is_legal_transition(RoleName from, RoleName to) {
  return kLegal[static_cast<size_t>(from)][static_cast<size_t>(to)];
}

// -------------------------------------------------------------------------------------------------------------- leader

void Leader::note_fetch(const VoterKey& replica, Offset fetch_offset, Offset leader_end, MonotonicTime now,
                        Timestamp wall) {
  forget_old_observers(now);
  if (replicas_.size() >= kReplicasMax && !replicas_.contains(replica)) return;
  Replica& known = replicas_[replica];
  if (fetch_offset >= leader_end) {
    known.last_caught_up = wall;
  } else if (known.leader_end != kNoOffset && fetch_offset >= known.leader_end) {
    // It has all that there was when it fetched before.
    known.last_caught_up = std::max(known.last_caught_up, known.last_fetch);
  }
  known.end = fetch_offset;
  known.fetched_at = now;
  known.last_fetch = wall;
  known.leader_end = leader_end;
}

void Leader::note_alive(const VoterKey& replica, MonotonicTime now) {
  const auto known = replicas_.find(replica);
  if (known != replicas_.end()) {
    known->second.fetched_at = now;
  } else if (replicas_.size() < kReplicasMax) {
    replicas_[replica].fetched_at = now;
  }
}

void Leader::forget_old_observers(MonotonicTime now) {
  std::erase_if(replicas_, [&](const auto& entry) {
    return entry.first != self_ && entry.second.fetched_at + kObserverSession < now;
  });
}

Offset Leader::end_of(const VoterKey& replica) const {
  const auto found = replicas_.find(replica);
  return found == replicas_.end() ? kNoOffset : found->second.end;
}

const Leader::Replica* Leader::find(const Voter& voter) const {
  const Replica* found = nullptr;
  for (const auto& [key, replica] : replicas_) {
    // Without a directory in the voter set, a replaced disk is the same voter: the one that fetched last counts.
    if (is_replica_of(voter, key) && (found == nullptr || replica.fetched_at > found->fetched_at)) found = &replica;
  }
  return found;
}

bool Leader::has_caught_up(const VoterKey& replica, MonotonicTime now) const {
  const auto found = replicas_.find(replica);
  return found != replicas_.end() && found->second.last_caught_up != kNoTimestamp &&
         found->second.fetched_at + kObserverSession >= now;
}

std::vector<VoterKey> Leader::observers(const VoterSet& voters) const {
  std::vector<VoterKey> observers;
  for (const auto& [key, replica] : replicas_) {
    if (!voters.contains(key)) observers.push_back(key);
  }
  return observers;
}

Offset Leader::committed_end(const VoterSet& voters) const {
  std::vector<Offset> ends;
  for (const auto& [id, voter] : voters.voters()) {
    const Replica* replica = find(voter);
    ends.push_back(replica == nullptr ? kNoOffset : replica->end);
  }
  std::ranges::sort(ends, std::greater<>());
  const Offset of_majority = ends.empty() ? kNoOffset : ends[voters.majority() - 1];
  return of_majority > epoch_start_ ? of_majority : kNoOffset;
}

MonotonicTime Leader::majority_followed_at(const VoterSet& voters) const {
  std::vector<MonotonicTime> times;
  for (const auto& [id, voter] : voters.voters()) {
    const Replica* replica = find(voter);
    const bool is_self = is_replica_of(voter, self_);
    // At the beginning each gets its time to find the new leader.
    times.push_back(is_self ? kNever : std::max(since_, replica == nullptr ? since_ : replica->fetched_at));
  }
  std::ranges::sort(times, std::greater<>());
  return times.empty() ? kNever : times[voters.majority() - 1];
}

std::vector<VoterKey> Leader::successors(const VoterSet& voters) const {
  std::vector<std::pair<Offset, VoterKey>> others;
  for (const auto& [id, voter] : voters.voters()) {
    if (is_replica_of(voter, self_)) continue;
    const Replica* replica = find(voter);
    others.emplace_back(replica == nullptr ? kNoOffset : replica->end, voter.key);
  }
  std::ranges::sort(others, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<VoterKey> keys;
  for (const auto& [end, key] : others) keys.push_back(key);
  return keys;
}

// --------------------------------------------------------------------------------------------------------------- state

QuorumState::QuorumState(VoterKey self, const ElectionState& election)
    : self_(self), role_(Unattached{election.epoch, election.leader, election.voted}) {
  // It must not lead an epoch again in which it led before: what it had appended then may be gone.
  if (election.leader == self.id) {
    role_ = Resigned{election.epoch, {}};
  } else if (election.leader == kNoNode && election.voted && election.voted->id == self.id) {
    Candidate candidate{election.epoch, *election.voted, Ballot(VoterSet{})};
    candidate.ballot.grant(*election.voted);
    role_ = std::move(candidate);
  }
}

RoleName QuorumState::role() const {
  return std::visit([](const auto& role) { return std::decay_t<decltype(role)>::kName; }, role_);
}

LeaderEpoch QuorumState::epoch() const {
  return std::visit([](const auto& role) { return role.epoch; }, role_);
}

NodeId QuorumState::leader_id() const {
  // Who led the present epoch and has resigned does not name itself.
  return std::visit(
      Overload{[this](const auto& role) { return role.leader == self_.id ? kNoNode : role.leader; },
               [](const Candidate&) { return kNoNode; }, [](const Leader& role) { return role.self().id; },
               [](const Resigned&) { return kNoNode; }},
      role_);
}

std::vector<VoterEndpoint> QuorumState::leader_endpoints() const {
  if (const auto* follower = std::get_if<Follower>(&role_)) return follower->endpoints;
  if (const auto* prospective = std::get_if<Prospective>(&role_)) return prospective->endpoints;
  return {};
}

ElectionState QuorumState::election() const {
  return std::visit(
      Overload{[](const auto& role) { return ElectionState{role.epoch, role.leader, role.voted}; },
               [](const Candidate& role) { return ElectionState{role.epoch, kNoNode, role.self}; },
               [](const Leader& role) { return ElectionState{role.epoch, role.self().id, std::nullopt}; },
               [this](const Resigned& role) { return ElectionState{role.epoch, self_.id, std::nullopt}; }},
      role_);
}

const Ballot* QuorumState::ballot() const {
  if (const auto* prospective = std::get_if<Prospective>(&role_)) return &prospective->ballot;
  if (const auto* candidate = std::get_if<Candidate>(&role_)) return &candidate->ballot;
  return nullptr;
}

Ballot* QuorumState::ballot() { return const_cast<Ballot*>(std::as_const(*this).ballot()); }

// --------------------------------------------------------------------------------------------------------------- votes

bool QuorumState::can_grant(const VoterKey& candidate, bool is_log_up_to_date, bool is_pre_vote) const {
  switch (role()) {
    case RoleName::kLeader:
      return false;
    case RoleName::kFollower:
      // A leader that answers is alive: who asks is cut off from it, and would only disturb.
      return is_pre_vote && is_log_up_to_date && !std::get<Follower>(role_).has_fetched;
    case RoleName::kCandidate:
    case RoleName::kResigned:
      return is_pre_vote && is_log_up_to_date;
    case RoleName::kUnattached:
    case RoleName::kProspective:
      break;
  }
  if (is_pre_vote) return is_log_up_to_date;
  const ElectionState now = election();
  if (now.voted) {
    // The same candidate asks again.
    return now.voted->id == candidate.id &&
           (now.voted->directory_id.is_zero() || now.voted->directory_id == candidate.directory_id);
  }
  return now.leader == kNoNode && is_log_up_to_date;
}

void QuorumState::vote_for(const VoterKey& candidate) {
  CHECK(can_grant(candidate, true, false), "node {} may not vote for {} in epoch {}", self_.id.value(),
        candidate.id.value(), epoch().value());
  std::visit(
      [&](auto& role) {
        if constexpr (kKnowsVote<std::decay_t<decltype(role)>>) role.voted = candidate;
      },
      role_);
}

// --------------------------------------------------------------------------------------------------------- transitions

void QuorumState::change_to(Role next) {
  const RoleName to = std::visit([](const auto& role) { return std::decay_t<decltype(role)>::kName; }, next);
  CHECK(is_legal_transition(role(), to), "from {} to {} in epoch {}", role_name(role()), role_name(to),
        epoch().value());
  role_ = std::move(next);
  ++term_;
}

void QuorumState::become_unattached(LeaderEpoch next_epoch, NodeId leader) {
  CHECK(next_epoch >= epoch(), "from epoch {} back to {}", epoch().value(), next_epoch.value());
  Unattached next{next_epoch, leader, std::nullopt};
  if (next_epoch == epoch()) {
    const ElectionState now = election();
    if (leader == kNoNode) next.leader = now.leader;
    next.voted = now.voted;
  }
  change_to(std::move(next));
}

void QuorumState::become_follower(LeaderEpoch next_epoch, NodeId leader, std::vector<VoterEndpoint> endpoints) {
  CHECK(next_epoch >= epoch(), "from epoch {} back to {}", epoch().value(), next_epoch.value());
  CHECK(leader != self_.id && !endpoints.empty(), "node {} cannot follow {}", self_.id.value(), leader.value());
  Follower next{next_epoch, leader, std::move(endpoints), std::nullopt};
  if (next_epoch == epoch()) {
    CHECK(leader_id() == kNoNode || leader_id() == leader, "epoch {} has the leaders {} and {}", next_epoch.value(),
          leader_id().value(), leader.value());
    next.voted = election().voted;
  }
  change_to(std::move(next));
}

void QuorumState::become_prospective(const VoterSet& voters) {
  const ElectionState now = election();
  Prospective next{now.epoch, now.leader, leader_endpoints(), now.voted, Ballot(voters)};
  next.ballot.grant(self_);
  change_to(std::move(next));
}

void QuorumState::become_candidate(const VoterSet& voters) {
  CHECK(ballot() != nullptr && ballot()->is_won(), "node {} has not won the pre-votes", self_.id.value());
  Candidate next{epoch() + 1, self_, Ballot(voters)};
  next.ballot.grant(self_);
  change_to(std::move(next));
}

void QuorumState::become_leader(Offset end, MonotonicTime now) {
  const auto* candidate = std::get_if<Candidate>(&role_);
  CHECK(candidate != nullptr && candidate->ballot.is_won(), "node {} has not won epoch {}", self_.id.value(),
        epoch().value());
  change_to(Leader(candidate->epoch, self_, end, candidate->ballot, now));
}

void QuorumState::resign(const VoterSet& voters) {
  CHECK(leader() != nullptr, "node {} does not lead", self_.id.value());
  change_to(Resigned{epoch(), leader()->successors(voters)});
}

}  // namespace weir::quorum
