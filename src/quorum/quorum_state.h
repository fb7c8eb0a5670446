// QuorumState: which role this node has in the metadata quorum, and what it must have made durable first. A class per
// role, and one table of the changes between them that are legal. Plain: no I/O, no time but what it is told; RaftNode
// writes what election() says before it acts on a change. Its loop only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "quorum/election_state.h"
#include "quorum/voter_set.h"

namespace weir::quorum {

enum class RoleName : uint8_t {
  kUnattached,   // knows no leader of its epoch that it could follow; may have voted
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

struct Follower {
  static constexpr RoleName kName = RoleName::kFollower;
  LeaderEpoch epoch;
  NodeId leader;
  std::vector<VoterEndpoint> endpoints;  // of the leader; never empty
  std::optional<VoterKey> voted;
  bool has_fetched = false;  // the leader has answered a fetch: it is alive
};

struct Resigned {
  static constexpr RoleName kName = RoleName::kResigned;
  LeaderEpoch epoch;
  // The voters that should follow, those with the longest logs first.
  std::vector<VoterKey> successors;
};

// Those who granted or refused a vote, or a pre-vote, and whether they are enough.
class Ballot {
 public:
  explicit Ballot(const VoterSet& voters) : voters_(voters) {}
  void grant(const VoterKey& by) {
    if (voters_.contains(by)) granted_.insert(by);
  }
  void refuse(const VoterKey& by) {
    if (voters_.contains(by)) refused_.insert(by);
  }
  [[nodiscard]] bool is_won() const { return granted_.size() >= voters_.majority(); }
  // Those that are left cannot make a majority any more.
  [[nodiscard]] bool is_lost() const { return refused_.size() + voters_.majority() > voters_.size(); }
  [[nodiscard]] const std::set<VoterKey>& granted() const { return granted_; }

 private:
  VoterSet voters_;
  std::set<VoterKey> granted_;
  std::set<VoterKey> refused_;
};

struct Prospective {
  static constexpr RoleName kName = RoleName::kProspective;
  LeaderEpoch epoch;
  NodeId leader = kNoNode;
  std::vector<VoterEndpoint> endpoints;  // of the leader, if they are known
  std::optional<VoterKey> voted;
  Ballot ballot;
};

struct Candidate {
  static constexpr RoleName kName = RoleName::kCandidate;
  LeaderEpoch epoch;
  VoterKey self;
  Ballot ballot;
};

// How far the logs of voters and observers reach, as the leader knows, and what follows from that.
class Leader {
 public:
  static constexpr RoleName kName = RoleName::kLeader;
  // `epoch_start` is the offset of the LEADER_CHANGE record of this epoch.
  Leader(LeaderEpoch epoch_, VoterKey self, Offset epoch_start, const Ballot& ballot, MonotonicTime now)
      : epoch(epoch_), self_(self), epoch_start_(epoch_start), since_(now), granting_(ballot.granted()) {}

  LeaderEpoch epoch;

  struct Replica {
    Offset end = kNoOffset;
    MonotonicTime fetched_at{};               // when it fetched last
    Timestamp last_fetch = kNoTimestamp;      // the same, on the wall's clock
    Timestamp last_caught_up = kNoTimestamp;  // when it was known last to have all that the leader had
    Offset leader_end = kNoOffset;            // of the leader at the last fetch
  };

  [[nodiscard]] const VoterKey& self() const { return self_; }
  [[nodiscard]] Offset epoch_start() const { return epoch_start_; }
  [[nodiscard]] const std::set<VoterKey>& granting_voters() const { return granting_; }
  // This node has everything below `end` on its disk.
  void update_own_end(Offset end) { replicas_[self_].end = end; }
  // A replica has everything below `fetch_offset` on its disk and asks for what follows; the leader's log ends at
  // `leader_end`.
  void note_fetch(const VoterKey& replica, Offset fetch_offset, Offset leader_end, MonotonicTime now, Timestamp wall);
  // A replica loads a snapshot, and does not fetch meanwhile.
  void note_alive(const VoterKey& replica, MonotonicTime now);
  [[nodiscard]] Offset end_of(const VoterKey& replica) const;
  // What is known of a voter; nothing before it fetched.
  [[nodiscard]] const Replica* find(const Voter& voter) const;
  // Whether a replica has had all that there was, and is not silent since: as a voter it would not hold commits up.
  [[nodiscard]] bool has_caught_up(const VoterKey& replica, MonotonicTime now) const;
  // Replicas that fetch and are no voters.
  [[nodiscard]] std::vector<VoterKey> observers(const VoterSet& voters) const;
  [[nodiscard]] const Replica& replica(const VoterKey& key) const { return replicas_.at(key); }
  // The end of what a majority of `voters` has; kNoOffset until that includes a record of this epoch, for only then is
  // everything before it safe from a later leader.
  [[nodiscard]] Offset committed_end(const VoterSet& voters) const;
  // The last time at which a majority of `voters`, this node among them if it is one, was known to follow. A leader
  // that is cut off must make room for the one that the others may have elected. kNever when it needs nobody else.
  [[nodiscard]] MonotonicTime majority_followed_at(const VoterSet& voters) const;
  // The other voters, those with the longest logs first.
  [[nodiscard]] std::vector<VoterKey> successors(const VoterSet& voters) const;

 private:
  void forget_old_observers(MonotonicTime now);

  VoterKey self_;
  Offset epoch_start_;
  MonotonicTime since_;
  std::set<VoterKey> granting_;
  std::map<VoterKey, Replica> replicas_;
};

class QuorumState {
 public:
  // Takes up the role that the persisted `election` leaves to this node after a restart.
  QuorumState(VoterKey self, const ElectionState& election);

  [[nodiscard]] RoleName role() const;
  [[nodiscard]] LeaderEpoch epoch() const;
  // kNoNode when it is not known.
  [[nodiscard]] NodeId leader_id() const;
  // Where the leader is, as far as a role knows that.
  [[nodiscard]] std::vector<VoterEndpoint> leader_endpoints() const;
  // What must be on disk before the present role is acted on.
  [[nodiscard]] ElectionState election() const;
  [[nodiscard]] const VoterKey& self() const { return self_; }
  [[nodiscard]] Leader* leader() { return std::get_if<Leader>(&role_); }
  [[nodiscard]] const Leader* leader() const { return std::get_if<Leader>(&role_); }
  [[nodiscard]] Follower* follower() { return std::get_if<Follower>(&role_); }
  [[nodiscard]] const Resigned* resigned() const { return std::get_if<Resigned>(&role_); }
  // Changes with every change of role or epoch: what was begun under another number is of no use any more.
  [[nodiscard]] uint64_t term() const { return term_; }

  // Whether to vote for `candidate` in the present epoch, or, with `is_pre_vote`, to say that one would in the next.
  [[nodiscard]] bool can_grant(const VoterKey& candidate, bool is_log_up_to_date, bool is_pre_vote) const;
  // The vote that can_grant() allows; the role stays.
  void vote_for(const VoterKey& candidate);

  // Each CHECKs that the change is legal.
  // In the present epoch (what is known of its vote and leader stays) or in a later one, whose leader may be known.
  void become_unattached(LeaderEpoch epoch, NodeId leader = kNoNode);
  // `endpoints` must not be empty.
  void become_follower(LeaderEpoch epoch, NodeId leader, std::vector<VoterEndpoint> endpoints);
  // This node need not be one of the voters: its own removal may not be committed, and only its log long enough.
  void become_prospective(const VoterSet& voters);
  // In the next epoch, with a vote for itself. Won pre-votes are needed for it.
  void become_candidate(const VoterSet& voters);
  // Enough votes are needed for it; the log ends at `end`.
  void become_leader(Offset end, MonotonicTime now);
  void resign(const VoterSet& voters);

  // The pre-votes or votes that the present role has won so far; nullptr in a role that asks for none.
  [[nodiscard]] const Ballot* ballot() const;
  [[nodiscard]] Ballot* ballot();

 private:
  using Role = std::variant<Unattached, Follower, Prospective, Candidate, Leader, Resigned>;
  void change_to(Role role);

  VoterKey self_;
  Role role_;
  uint64_t term_ = 0;
};

}  // namespace weir::quorum
