#include "quorum/quorum_state.h"

#include <gtest/gtest.h>

namespace weir::quorum {
namespace {

const VoterKey kSelf{NodeId(1), Uuid(7, 7)};

VoterSet voters(std::initializer_list<int> ids) {
  std::vector<Voter> list;
  for (int id : ids) list.push_back({{NodeId(id), Uuid(7, static_cast<uint64_t>(id + 6))}, {}, {0, 1}});
  return VoterSet(list);
}

using enum RoleName;
constexpr RoleName kAllRoles[] = {kUnattached, kFollower, kProspective, kCandidate, kLeader, kResigned};

TEST(QuorumState, OnlyTheseTransitionsAreLegal) {
  const std::map<RoleName, std::set<RoleName>> legal = {
      {kUnattached, {kUnattached, kFollower, kProspective}},
      {kFollower, {kUnattached, kFollower, kProspective}},
      {kProspective, {kUnattached, kFollower, kCandidate}},
      {kCandidate, {kUnattached, kFollower, kProspective, kLeader}},
      {kLeader, {kUnattached, kResigned}},
      {kResigned, {kUnattached, kFollower, kProspective}},
  };
  for (RoleName from : kAllRoles) {
    for (RoleName to : kAllRoles) {
      EXPECT_EQ(is_legal_transition(from, to), legal.at(from).contains(to)) << role_name(from) << " " << role_name(to);
    }
  }
}

TEST(QuorumState, SingleVoterElectsItselfInTheNextEpoch) {
  QuorumState state(kSelf, ElectionState{});
  const VoterSet alone = voters({1});
  EXPECT_EQ(state.role(), kUnattached);
  state.become_prospective(alone);
  EXPECT_EQ(state.epoch(), LeaderEpoch(0)) << "a pre-vote disturbs nobody's epoch";
  EXPECT_EQ(state.election(), (ElectionState{LeaderEpoch(0), kNoNode, std::nullopt}));
  state.become_candidate(alone);
  EXPECT_EQ(state.election(), (ElectionState{LeaderEpoch(1), kNoNode, kSelf}));
  state.become_leader(Offset(0));
  EXPECT_EQ(state.election(), (ElectionState{LeaderEpoch(1), NodeId(1), std::nullopt}));
  EXPECT_EQ(state.leader_id(), NodeId(1));
}

TEST(QuorumState, LeaderThatRestartsDoesNotLeadItsOldEpochAgain) {
  QuorumState state(kSelf, {LeaderEpoch(4), NodeId(1), std::nullopt});
  EXPECT_EQ(state.role(), kResigned);
  state.become_prospective(voters({1}));
  state.become_candidate(voters({1}));
  EXPECT_EQ(state.epoch(), LeaderEpoch(5));
}

TEST(QuorumState, CandidateThatRestartsIsStillCandidateOfItsEpoch) {
  QuorumState state(kSelf, {LeaderEpoch(4), kNoNode, kSelf});
  EXPECT_EQ(state.role(), kCandidate);
  EXPECT_EQ(state.election(), (ElectionState{LeaderEpoch(4), kNoNode, kSelf}));
  EXPECT_FALSE(state.ballot()->is_won()) << "who voted for it is not known any more";
}

TEST(QuorumState, NodeThatVotedForAnotherIsUnattached) {
  QuorumState state(kSelf, {LeaderEpoch(4), kNoNode, VoterKey{NodeId(2), {}}});
  EXPECT_EQ(state.role(), kUnattached);
  EXPECT_EQ(state.election().voted->id, NodeId(2));
}

TEST(QuorumState, BallotOfThreeVotersIsWonByTwoOfThem) {
  Ballot ballot(voters({1, 2, 3}));
  ballot.grant(kSelf);
  EXPECT_FALSE(ballot.is_won());
  ballot.grant({NodeId(9), {}});
  EXPECT_FALSE(ballot.is_won()) << "node 9 is no voter";
  ballot.grant({NodeId(3), Uuid(7, 9)});
  EXPECT_TRUE(ballot.is_won());
}

TEST(QuorumState, VoterOnAnotherDiskIsAnotherVoter) {
  Ballot ballot(voters({1}));
  ballot.grant({NodeId(1), Uuid(1, 1)});
  EXPECT_FALSE(ballot.is_won());
}

TEST(QuorumStateDeathTest, CandidateWithoutAMajorityCannotLead) {
  QuorumState state(kSelf, ElectionState{});
  state.become_prospective(voters({1, 2, 3}));
  EXPECT_DEATH(state.become_candidate(voters({1, 2, 3})), "pre-votes");
}

TEST(QuorumStateDeathTest, LeaderCannotBecomeProspective) {
  QuorumState state(kSelf, ElectionState{});
  state.become_prospective(voters({1}));
  state.become_candidate(voters({1}));
  state.become_leader(Offset(0));
  EXPECT_DEATH(state.become_prospective(voters({1})), "from leader to prospective");
}

TEST(Leader, CommitsWhatAMajorityHas) {
  Leader leader(LeaderEpoch(2), NodeId(1), Offset(10), Ballot(voters({1, 2, 3})));
  leader.update_end(kSelf, Offset(20));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), kNoOffset);
  leader.update_end({NodeId(2), Uuid(7, 8)}, Offset(15));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), Offset(15));
  leader.update_end({NodeId(3), Uuid(7, 9)}, Offset(18));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), Offset(18));
}

TEST(Leader, CommitsNothingBeforeItsOwnFirstRecordIsCommitted) {
  Leader leader(LeaderEpoch(2), NodeId(1), Offset(10), Ballot(voters({1, 2, 3})));
  leader.update_end(kSelf, Offset(20));
  leader.update_end({NodeId(2), Uuid(7, 8)}, Offset(10));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), kNoOffset);
  leader.update_end({NodeId(2), Uuid(7, 8)}, Offset(11));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), Offset(11));
}

}  // namespace
}  // namespace weir::quorum
