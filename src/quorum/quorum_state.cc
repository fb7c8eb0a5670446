#include "quorum/quorum_state.h"

#include <algorithm>
#include <array>
#include <functional>
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

}  // namespace

std::string_view role_name(RoleName role) { return kRoleNames[static_cast<size_t>(role)]; }

bool is_legal_transition(RoleName from, RoleName to) {
  return kLegal[static_cast<size_t>(from)][static_cast<size_t>(to)];
}

Offset Leader::end_of(const VoterKey& replica) const {
  const auto found = ends_.find(replica);
  return found == ends_.end() ? kNoOffset : found->second;
}

Offset Leader::committed_end(const VoterSet& voters) const {
  std::vector<Offset> ends;
  for (const auto& [id, voter] : voters.voters()) {
    Offset end = kNoOffset;
    for (const auto& [replica, replica_end] : ends_) {
      const bool same =
          replica.id == id && (voter.key.directory_id.is_zero() || voter.key.directory_id == replica.directory_id);
      if (same) end = std::max(end, replica_end);
    }
    ends.push_back(end);
  }
  std::ranges::sort(ends, std::greater<>());
  const Offset of_majority = ends.empty() ? kNoOffset : ends[voters.majority() - 1];
  return of_majority > epoch_start_ ? of_majority : kNoOffset;
}

QuorumState::QuorumState(VoterKey self, const ElectionState& election)
    : self_(self), role_(Unattached{election.epoch, election.leader, election.voted}) {
  // It must not lead an epoch again in which it led before: what it had appended then may be gone.
  if (election.leader == self.id) {
    role_ = Resigned{election.epoch};
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
  return std::visit(
      Overload{[](const Unattached& role) { return role.leader; }, [](const Prospective& role) { return role.leader; },
               [](const Candidate&) { return kNoNode; }, [](const Leader& role) { return role.self(); },
               [](const Resigned&) { return kNoNode; }},
      role_);
}

ElectionState QuorumState::election() const {
  return std::visit(
      Overload{[](const Unattached& role) { return ElectionState{role.epoch, role.leader, role.voted}; },
               [](const Prospective& role) { return ElectionState{role.epoch, role.leader, role.voted}; },
               [](const Candidate& role) { return ElectionState{role.epoch, kNoNode, role.self}; },
               [](const Leader& role) { return ElectionState{role.epoch, role.self(), std::nullopt}; },
               [this](const Resigned& role) { return ElectionState{role.epoch, self_.id, std::nullopt}; }},
      role_);
}

const Ballot* QuorumState::ballot() const {
  if (const auto* prospective = std::get_if<Prospective>(&role_)) return &prospective->ballot;
  if (const auto* candidate = std::get_if<Candidate>(&role_)) return &candidate->ballot;
  return nullptr;
}

void QuorumState::change_to(Role next) {
  const RoleName to = std::visit([](const auto& role) { return std::decay_t<decltype(role)>::kName; }, next);
  CHECK(is_legal_transition(role(), to), "from {} to {} in epoch {}", role_name(role()), role_name(to),
        epoch().value());
  role_ = std::move(next);
}

void QuorumState::become_prospective(const VoterSet& voters) {
  CHECK(voters.contains(self_), "node {} is not a voter", self_.id.value());
  const ElectionState now = election();
  Prospective next{now.epoch, now.leader, now.voted, Ballot(voters)};
  next.ballot.grant(self_);
  change_to(std::move(next));
}

void QuorumState::become_candidate(const VoterSet& voters) {
  CHECK(ballot() != nullptr && ballot()->is_won(), "node {} has not won the pre-votes", self_.id.value());
  Candidate next{epoch() + 1, self_, Ballot(voters)};
  next.ballot.grant(self_);
  change_to(std::move(next));
}

void QuorumState::become_leader(Offset end) {
  const auto* candidate = std::get_if<Candidate>(&role_);
  CHECK(candidate != nullptr && candidate->ballot.is_won(), "node {} has not won epoch {}", self_.id.value(),
        epoch().value());
  change_to(Leader(candidate->epoch, self_.id, end, candidate->ballot));
}

void QuorumState::resign() { change_to(Resigned{epoch()}); }

}  // namespace weir::quorum
