#include "quorum/election_state.h"

#include <gtest/gtest.h>

namespace weir::quorum {
namespace {

const Uuid kDirectory = Uuid::parse("AAAAAAAAAAAAAAAAAAACDQ").value();

TEST(ElectionState, IsWrittenAsKafkaDoesWithStaticVoters) {
  const VoterSet voters({Voter{{NodeId(1), {}}, {}, {0, 1}}});
  EXPECT_EQ(format_election_state({LeaderEpoch(1), NodeId(1), std::nullopt}, 0, voters),
            R"({"clusterId":"","leaderId":1,"leaderEpoch":1,"votedId":-1,"appliedOffset":0,)"
            R"("currentVoters":[{"voterId":1}],"data_version":0})");
}

TEST(ElectionState, IsWrittenAsKafkaDoesWithDynamicVoters) {
  EXPECT_EQ(
      format_election_state({LeaderEpoch(5), NodeId(2), VoterKey{NodeId(2), kDirectory}}, 1, {}),
      R"({"leaderId":2,"leaderEpoch":5,"votedId":2,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAACDQ","data_version":1})");
}

TEST(ElectionState, ComesBackFromBothForms) {
  const VoterSet voters({Voter{{NodeId(1), {}}, {}, {0, 1}}, Voter{{NodeId(2), {}}, {}, {0, 1}}});
  for (const ElectionState& state :
       {ElectionState{LeaderEpoch(0), kNoNode, std::nullopt}, ElectionState{LeaderEpoch(7), NodeId(3), std::nullopt},
        ElectionState{LeaderEpoch(7), kNoNode, VoterKey{NodeId(2), kDirectory}}}) {
    EXPECT_EQ(parse_election_state(format_election_state(state, 1, voters)), state);
    ElectionState without_directory = state;
    if (without_directory.voted) without_directory.voted->directory_id = {};
    EXPECT_EQ(parse_election_state(format_election_state(state, 0, voters)), without_directory);
  }
}

TEST(ElectionState, DamagedFilesAreRefused) {
  for (const char* text :
       {"", "{", "{}", "[]", R"({"leaderId":1,"leaderEpoch":1,"votedId":-1})",
        R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"data_version":0)",
        R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"data_version":0}})",
        R"({"leaderId":1,"leaderEpoch":-3,"votedId":-1,"data_version":0})",
        R"({"leaderId":"x","leaderEpoch":1,"votedId":-1,"data_version":0})",
        R"({"leaderId":1,"leaderEpoch":1,"votedId":2,"votedDirectoryId":"short","data_version":1})"}) {
    EXPECT_EQ(parse_election_state(text).error().code, Errc::kCorrupt) << text;
  }
}

TEST(ElectionState, UnknownVersionIsRefused) {
  EXPECT_EQ(parse_election_state(R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"data_version":2})").error().code,
            Errc::kUnsupported);
}

TEST(VoterSet, StaticVotersAreParsed) {
  const auto voters = VoterSet::parse_static("1@a.example:9093, 2@[::1]:9094", "CONTROLLER");
  ASSERT_TRUE(voters);
  ASSERT_EQ(voters->size(), 2U);
  EXPECT_EQ(voters->voters().at(NodeId(2)).endpoints[0], (VoterEndpoint{"CONTROLLER", "::1", 9094}));
  EXPECT_TRUE(voters->contains({NodeId(1), kDirectory})) << "a static voter may be on any disk";
  EXPECT_FALSE(voters->contains({NodeId(3), kDirectory}));
}

TEST(VoterSet, InitialControllersAreParsedWithTheirDirectories) {
  const auto voters = VoterSet::parse_initial("3@host:9093:AAAAAAAAAAAAAAAAAAACDQ", "C");
  ASSERT_TRUE(voters);
  EXPECT_TRUE(voters->is_only_voter({NodeId(3), kDirectory}));
  EXPECT_FALSE(voters->is_only_voter({NodeId(3), Uuid(1, 2)}));
}

TEST(VoterSet, WrongVotersAreRefused) {
  for (const char* text : {"1", "x@h:1", "1@h", "1@h:70000", "1@:9093", "-1@h:1", "1@h:1,1@i:2"}) {
    EXPECT_EQ(VoterSet::parse_static(text, "C").error().code, Errc::kInvalidArgument) << text;
  }
  for (const char* text : {"1@h:1", "1@h:1:x", "1@h:1:AAAAAAAAAAAAAAAAAAACDQ,2@h:2:AAAAAAAAAAAAAAAAAAACDQ"}) {
    EXPECT_EQ(VoterSet::parse_initial(text, "C").error().code, Errc::kInvalidArgument) << text;
  }
}

TEST(VoterHistory, ChangeIsInForceFromItsAppendOn) {
  VoterHistory history;
  history.add_kraft_version(Offset(-1), 1);
  history.add_voters(Offset(-1), VoterSet({Voter{{NodeId(1), kDirectory}, {}, {0, 1}}}));
  EXPECT_FALSE(history.voters_are_in_log());
  history.add_voters(Offset(8), VoterSet({Voter{{NodeId(2), kDirectory}, {}, {0, 1}}}));
  EXPECT_TRUE(history.voters_are_in_log());
  EXPECT_TRUE(history.voters().voters().contains(NodeId(2)));
  EXPECT_TRUE(history.voters_before(Offset(8)).voters().contains(NodeId(1)));
  EXPECT_TRUE(history.voters_before(Offset(9)).voters().contains(NodeId(2)));
  EXPECT_EQ(history.kraft_version_before(Offset(0)), 1);
  EXPECT_EQ(history.kraft_version_before(Offset(-1)), 0);
}

}  // namespace
}  // namespace weir::quorum
