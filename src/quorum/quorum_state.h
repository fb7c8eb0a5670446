// QuorumState: which role this node has in the metadata quorum, and what it must have made durable first. A class per
// role, and one table of the changes between them that are legal. Plain: no I/O, no time; RaftNode writes what
// election() says before it acts on a change. Its loop only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <variant>

#include "base/types.h"
#include "quorum/election_state.h"
#include "quorum/voter_set.h"

namespace weir::quorum {

enum class RoleName : uint8_t {
  kUnattached,   // knows no leader of its epoch; may have voted
  kFollower,     // follows the leader of its epoch
  kProspective,  // asks who would vote for it, before it disturbs anybody with a new epoch
  kCandidate,    // has voted for itself in a new epoch
  kLeader,
  kResigned,  // led this epoch, and does not any more
};

std::string_view role_name(RoleName role);
// Whether a node may change from one role to another, within its epoch or with a new one.
bool is_legal_transition(RoleName from, RoleName to);

struct Unattached {
  static constexpr RoleName kName = RoleName::kUnattached;
  LeaderEpoch epoch;
  NodeId leader = kNoNode;  // of this epoch, if it is known who that is
  std::optional<VoterKey> voted;
};

struct Resigned {
  static constexpr RoleName kName = RoleName::kResigned;
  LeaderEpoch epoch;
};

// Those who granted a vote, or a pre-vote, and whether they are enough.
class Ballot {
 public:
  explicit Ballot(const VoterSet& voters) : voters_(voters) {}
  void grant(const VoterKey& by) {
    if (voters_.contains(by)) granted_.insert(by);
  }
  [[nodiscard]] bool is_won() const { return granted_.size() >= voters_.majority(); }
  [[nodiscard]] const std::set<VoterKey>& granted() const { return granted_; }

 private:
  VoterSet voters_;
  std::set<VoterKey> granted_;
};

struct Prospective {
  static constexpr RoleName kName = RoleName::kProspective;
  LeaderEpoch epoch;
  NodeId leader = kNoNode;
  std::optional<VoterKey> voted;
  Ballot ballot;
};

struct Candidate {
  static constexpr RoleName kName = RoleName::kCandidate;
  LeaderEpoch epoch;
  VoterKey self;
  Ballot ballot;
};

// How far the voters' logs reach, as the leader knows, and what follows from that.
class Leader {
 public:
  static constexpr RoleName kName = RoleName::kLeader;
  // `epoch_start` is the offset of the LEADER_CHANGE record of this epoch.
  Leader(LeaderEpoch epoch_, NodeId self, Offset epoch_start, const Ballot& ballot)
      : epoch(epoch_), self_(self), epoch_start_(epoch_start), granting_(ballot.granted()) {}

  LeaderEpoch epoch;

  [[nodiscard]] NodeId self() const { return self_; }
  [[nodiscard]] Offset epoch_start() const { return epoch_start_; }
  [[nodiscard]] const std::set<VoterKey>& granting_voters() const { return granting_; }
  // A replica, this node among them, has everything below `end` on its disk.
  void update_end(const VoterKey& replica, Offset end) { ends_[replica] = end; }
  [[nodiscard]] Offset end_of(const VoterKey& replica) const;
  // The end of what a majority of `voters` has; kNoOffset until that includes a record of this epoch, for only then is
  // everything before it safe from a later leader.
  [[nodiscard]] Offset committed_end(const VoterSet& voters) const;

 private:
  NodeId self_;
  Offset epoch_start_;
  std::set<VoterKey> granting_;
  std::map<VoterKey, Offset> ends_;
};

class QuorumState {
 public:
  // Takes up the role that the persisted `election` leaves to this node after a restart.
  QuorumState(VoterKey self, const ElectionState& election);

  [[nodiscard]] RoleName role() const;
  [[nodiscard]] LeaderEpoch epoch() const;
  // kNoNode when it is not known.
  [[nodiscard]] NodeId leader_id() const;
  // What must be on disk before the present role is acted on.
  [[nodiscard]] ElectionState election() const;
  [[nodiscard]] const VoterKey& self() const { return self_; }
  [[nodiscard]] Leader* leader() { return std::get_if<Leader>(&role_); }
  [[nodiscard]] const Leader* leader() const { return std::get_if<Leader>(&role_); }

  // Each CHECKs that the change is legal.
  void become_prospective(const VoterSet& voters);
  // In the next epoch, with a vote for itself. Won pre-votes are needed for it.
  void become_candidate(const VoterSet& voters);
  // Enough votes are needed for it; the log ends at `end`.
  void become_leader(Offset end);
  void resign();

  // The pre-votes or votes that the present role has won so far; nullptr in a role that asks for none.
  [[nodiscard]] const Ballot* ballot() const;

 private:
  using Role = std::variant<Unattached, Prospective, Candidate, Leader, Resigned>;
  void change_to(Role role);

  VoterKey self_;
  Role role_;
};

}  // namespace weir::quorum
