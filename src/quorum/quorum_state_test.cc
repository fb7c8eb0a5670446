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
  state.become_leader(Offset(0), MonotonicTime());
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
  state.become_leader(Offset(0), MonotonicTime());
  EXPECT_DEATH(state.become_prospective(voters({1})), "from leader to prospective");
}

VoterKey key(int id) { return {NodeId(id), Uuid(7, static_cast<uint64_t>(id + 6))}; }

const std::vector<VoterEndpoint> kSomewhere = {{"CONTROLLER", "host", 9093}};

QuorumState follower_of(int leader, LeaderEpoch epoch) {
  QuorumState state(kSelf, ElectionState{});
  state.become_follower(epoch, NodeId(leader), kSomewhere);
  return state;
}

TEST(QuorumState, VotesOnceInAnEpochAndForACandidateThatIsUpToDate) {
  QuorumState state(kSelf, {LeaderEpoch(4), kNoNode, std::nullopt});
  EXPECT_FALSE(state.can_grant(key(2), false, false));
  ASSERT_TRUE(state.can_grant(key(2), true, false));
  state.vote_for(key(2));
  EXPECT_EQ(state.election(), (ElectionState{LeaderEpoch(4), kNoNode, key(2)}));
  EXPECT_TRUE(state.can_grant(key(2), true, false)) << "it asks again";
  EXPECT_FALSE(state.can_grant(key(3), true, false));
  EXPECT_FALSE(state.can_grant({NodeId(2), Uuid(1, 1)}, true, false)) << "on another disk it is another voter";
  EXPECT_TRUE(state.can_grant(key(3), true, true)) << "a pre-vote is of the next epoch";
  state.become_unattached(LeaderEpoch(5));
  EXPECT_TRUE(state.can_grant(key(3), true, false));
}

TEST(QuorumState, FollowerWhoseLeaderAnswersRefusesPreVotes) {
  QuorumState state = follower_of(2, LeaderEpoch(3));
  EXPECT_TRUE(state.can_grant(key(3), true, true)) << "it has not heard of its leader yet";
  EXPECT_FALSE(state.can_grant(key(3), false, true));
  EXPECT_FALSE(state.can_grant(key(3), true, false)) << "the epoch has its leader";
  state.follower()->has_fetched = true;
  EXPECT_FALSE(state.can_grant(key(3), true, true));
}

TEST(QuorumState, LeaderGrantsNothing) {
  QuorumState state(kSelf, ElectionState{});
  state.become_prospective(voters({1}));
  state.become_candidate(voters({1}));
  EXPECT_TRUE(state.can_grant(key(2), true, true));
  EXPECT_FALSE(state.can_grant(key(2), true, false)) << "a candidate has voted for itself";
  state.become_leader(Offset(0), MonotonicTime());
  EXPECT_FALSE(state.can_grant(key(2), true, true));
  EXPECT_FALSE(state.can_grant(key(2), true, false));
}

TEST(QuorumState, ResignedLeaderDoesNotVoteInItsEpoch) {
  QuorumState state(kSelf, {LeaderEpoch(4), NodeId(1), std::nullopt});
  EXPECT_EQ(state.leader_id(), kNoNode);
  EXPECT_FALSE(state.can_grant(key(2), true, false));
  state.become_prospective(voters({1, 2}));
  EXPECT_FALSE(state.can_grant(key(2), true, false)) << "as prospective neither: two could lead the epoch";
  EXPECT_EQ(state.election(), (ElectionState{LeaderEpoch(4), NodeId(1), std::nullopt}));
  EXPECT_EQ(state.leader_id(), kNoNode);
}

TEST(QuorumState, VoteIsRememberedWhenTheEpochFindsItsLeader) {
  QuorumState state(kSelf, {LeaderEpoch(4), kNoNode, std::nullopt});
  state.vote_for(key(2));
  state.become_follower(LeaderEpoch(4), NodeId(2), kSomewhere);
  EXPECT_EQ(state.election(), (ElectionState{LeaderEpoch(4), NodeId(2), key(2)}));
  state.become_prospective(voters({1, 2, 3}));
  EXPECT_EQ(state.leader_endpoints(), kSomewhere) << "whoever loses goes back to the leader";
  EXPECT_EQ(state.election(), (ElectionState{LeaderEpoch(4), NodeId(2), key(2)}));
  state.become_unattached(LeaderEpoch(6), NodeId(3));
  EXPECT_EQ(state.election(), (ElectionState{LeaderEpoch(6), NodeId(3), std::nullopt}));
}

TEST(QuorumState, EachChangeBeginsATerm) {
  QuorumState state = follower_of(2, LeaderEpoch(3));
  const uint64_t term = state.term();
  state.become_unattached(LeaderEpoch(4));
  EXPECT_NE(state.term(), term);
}

TEST(QuorumStateDeathTest, AnEpochHasOneLeader) {
  QuorumState state = follower_of(2, LeaderEpoch(3));
  EXPECT_DEATH(state.become_follower(LeaderEpoch(3), NodeId(3), kSomewhere), "has the leaders 2 and 3");
  EXPECT_DEATH(state.become_unattached(LeaderEpoch(2)), "back to 2");
  EXPECT_DEATH(state.vote_for(key(3)), "may not vote");
}

TEST(Ballot, IsLostWhenTheRestIsNoMajority) {
  Ballot ballot(voters({1, 2, 3}));
  ballot.grant(key(1));
  ballot.refuse(key(2));
  ballot.refuse(key(9));
  EXPECT_FALSE(ballot.is_lost());
  ballot.refuse(key(3));
  EXPECT_TRUE(ballot.is_lost());
}

MonotonicTime at(int milliseconds_since) { return MonotonicTime(milliseconds(milliseconds_since)); }

Leader leader_at_10() { return {LeaderEpoch(2), kSelf, Offset(10), Ballot(voters({1, 2, 3})), at(0)}; }

TEST(Leader, CommitsWhatAMajorityHas) {
  Leader leader = leader_at_10();
  leader.update_own_end(Offset(20));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), kNoOffset);
  leader.note_fetch(key(2), Offset(15), Offset(20), at(1), Timestamp(1));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), Offset(15));
  leader.note_fetch(key(3), Offset(18), Offset(20), at(1), Timestamp(1));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), Offset(18));
  leader.note_fetch({NodeId(2), Uuid(1, 1)}, Offset(20), Offset(20), at(1), Timestamp(1));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), Offset(18)) << "voter 2 on another disk is an observer";
}

TEST(Leader, CommitsNothingBeforeItsOwnFirstRecordIsCommitted) {
  Leader leader = leader_at_10();
  leader.update_own_end(Offset(20));
  leader.note_fetch(key(2), Offset(10), Offset(20), at(1), Timestamp(1));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), kNoOffset);
  leader.note_fetch(key(2), Offset(11), Offset(20), at(1), Timestamp(1));
  EXPECT_EQ(leader.committed_end(voters({1, 2, 3})), Offset(11));
}

TEST(Leader, KnowsSinceWhenAMajorityFollows) {
  Leader leader = leader_at_10();
  EXPECT_EQ(leader.majority_followed_at(voters({1})), kNever) << "it needs nobody";
  EXPECT_EQ(leader.majority_followed_at(voters({1, 2, 3})), at(0)) << "all have their time to find it";
  leader.note_fetch(key(2), Offset(0), Offset(11), at(50), Timestamp(1));
  EXPECT_EQ(leader.majority_followed_at(voters({1, 2, 3})), at(50));
  leader.note_alive(key(3), at(70));
  EXPECT_EQ(leader.majority_followed_at(voters({1, 2, 3})), at(70)) << "two of three are enough";
  EXPECT_EQ(leader.majority_followed_at(voters({1, 2, 3, 4, 5})), at(50));
}

TEST(Leader, NamesTheLongestLogsAsSuccessors) {
  Leader leader = leader_at_10();
  leader.note_fetch(key(3), Offset(12), Offset(20), at(1), Timestamp(1));
  leader.note_fetch(key(2), Offset(11), Offset(20), at(1), Timestamp(1));
  EXPECT_EQ(leader.successors(voters({1, 2, 3, 4})), (std::vector{key(3), key(2), key(4)}));
}

TEST(Leader, KnowsWhenAReplicaHadAllThatThereWas) {
  Leader leader = leader_at_10();
  leader.note_fetch(key(2), Offset(12), Offset(20), at(10), Timestamp(10));
  EXPECT_EQ(leader.replica(key(2)).last_caught_up, kNoTimestamp);
  leader.note_fetch(key(2), Offset(20), Offset(25), at(20), Timestamp(20));
  EXPECT_EQ(leader.replica(key(2)).last_caught_up, Timestamp(10)) << "then it had asked for what it has now";
  leader.note_fetch(key(2), Offset(25), Offset(25), at(30), Timestamp(30));
  EXPECT_EQ(leader.replica(key(2)).last_caught_up, Timestamp(30));
}

TEST(Leader, ForgetsObserversThatDoNotFetch) {
  Leader leader = leader_at_10();
  leader.update_own_end(Offset(20));
  leader.note_fetch(key(9), Offset(12), Offset(20), at(0), Timestamp(1));
  EXPECT_EQ(leader.observers(voters({1, 2, 3})), std::vector{key(9)});
  leader.note_fetch(key(2), Offset(12), Offset(20), at(301'000), Timestamp(1));
  EXPECT_TRUE(leader.observers(voters({1, 2, 3})).empty());
}

}  // namespace
}  // namespace weir::quorum
