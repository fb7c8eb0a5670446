#include "broker/partition/replication_state.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::broker {
namespace {

using Ids = std::vector<NodeId>;

constexpr Duration kLagMax = seconds(30);
const NodeId kSelf(1);

MonotonicTime at(int second) { return MonotonicTime(seconds(second)); }

quorum::PartitionImage image(Ids replicas, Ids isr, int partition_epoch = 0) {
  quorum::PartitionImage partition;
  partition.replicas = std::move(replicas);
  partition.isr = std::move(isr);
  partition.leader = kSelf;
  partition.partition_epoch = quorum::PartitionEpoch(partition_epoch);
  return partition;
}

const Ids kAll = {NodeId(1), NodeId(2), NodeId(3)};

class ReplicationStateTest : public ::testing::Test {
 protected:
  ReplicationStateTest() { state_.begin(image(kAll, kAll), Offset(10), at(0)); }

  void fetch(int id, int64_t offset, int64_t own_end, int second) {
    EXPECT_TRUE(state_.note_fetch({NodeId(id), BrokerEpoch(100 + id)}, {Offset(0), Offset(offset)}, Offset(own_end),
                                  at(second)));
  }
  [[nodiscard]] std::optional<std::vector<NodeId>> wanted(int64_t high_watermark, int64_t own_end, int second,
                                                          bool eligible = true) const {
    const auto isr = state_.wanted_isr(
        Offset(high_watermark), Offset(own_end), [eligible](const IsrMember&) { return eligible; }, at(second),
        kLagMax);
    if (!isr) return std::nullopt;
    Ids ids;
    for (const IsrMember& member : *isr) ids.push_back(member.id);
    return ids;
  }

  ReplicationState state_{kSelf};
};

TEST_F(ReplicationStateTest, CommitsWhatTheWholeIsrHas) {
  EXPECT_EQ(state_.committed_end(Offset(20), 1), kNoOffset) << "nobody has fetched in this epoch";
  fetch(2, 15, 20, 1);
  EXPECT_EQ(state_.committed_end(Offset(20), 1), kNoOffset);
  fetch(3, 18, 20, 1);
  EXPECT_EQ(state_.committed_end(Offset(20), 1), Offset(15));
  EXPECT_EQ(state_.committed_end(Offset(12), 1), Offset(12)) << "its own records count when they are flushed";
}

TEST_F(ReplicationStateTest, CommitsNothingWhileTheIsrIsTooSmall) {
  state_.update(image(kAll, {NodeId(1)}, 1), at(1));
  EXPECT_EQ(state_.committed_end(Offset(20), 2), kNoOffset);
  EXPECT_EQ(state_.committed_end(Offset(20), 1), Offset(20));
}

TEST_F(ReplicationStateTest, ReplicaOutsideTheIsrHoldsNothingUp) {
  state_.update(image(kAll, {NodeId(1), NodeId(2)}, 1), at(1));
  fetch(2, 20, 20, 1);
  fetch(3, 5, 20, 1);
  EXPECT_EQ(state_.committed_end(Offset(20), 1), Offset(20));
}

TEST_F(ReplicationStateTest, MemberThatMayJoinHoldsTheHighWatermarkAlready) {
  state_.update(image(kAll, {NodeId(1), NodeId(2)}, 1), at(1));
  fetch(2, 20, 20, 1);
  fetch(3, 18, 20, 1);
  state_.ask({{NodeId(1), BrokerEpoch(-1)}, {NodeId(2), BrokerEpoch(102)}, {NodeId(3), BrokerEpoch(103)}});
  EXPECT_EQ(state_.committed_end(Offset(20), 1), Offset(18));
  state_.give_up(at(1));
  EXPECT_EQ(state_.committed_end(Offset(20), 1), Offset(20));
}

TEST_F(ReplicationStateTest, MemberThatMayLeaveHoldsTheHighWatermarkStill) {
  fetch(2, 20, 20, 1);
  fetch(3, 12, 20, 1);
  state_.ask({{NodeId(1), BrokerEpoch(-1)}, {NodeId(2), BrokerEpoch(102)}});
  EXPECT_EQ(state_.committed_end(Offset(20), 1), Offset(12));
  state_.update(image(kAll, {NodeId(1), NodeId(2)}, 1), at(2));
  EXPECT_FALSE(state_.is_asking());
  EXPECT_EQ(state_.committed_end(Offset(20), 1), Offset(20));
}

TEST_F(ReplicationStateTest, FollowerThatHasNotHadAllForTooLongLeavesTheIsr) {
  fetch(2, 20, 20, 1);
  fetch(3, 12, 20, 1);
  EXPECT_EQ(wanted(12, 20, 30), std::nullopt) << "it had all when the epoch began, as far as is known";
  EXPECT_EQ(wanted(12, 20, 31), (Ids{NodeId(1), NodeId(2)}));
  EXPECT_EQ(wanted(12, 12, 31), std::nullopt) << "now it has all";
}

TEST_F(ReplicationStateTest, FollowerOfASteadyWriterStaysInTheIsr) {
  // It never has all, but always what there was at its fetch before.
  for (int second = 1; second < 100; ++second) {
    fetch(2, second * 10, second * 10 + 10, second);
    fetch(3, second * 10 + 10, second * 10 + 10, second);
    EXPECT_EQ(wanted(second * 10, second * 10 + 10, second), std::nullopt) << second;
  }
}

TEST_F(ReplicationStateTest, FollowerThatReachesTheHighWatermarkInThisEpochJoins) {
  state_.update(image(kAll, {NodeId(1), NodeId(2)}, 1), at(1));
  fetch(2, 20, 20, 1);
  EXPECT_EQ(wanted(8, 20, 1), std::nullopt) << "replica 3 has not fetched";
  fetch(3, 9, 20, 1);
  EXPECT_EQ(wanted(8, 20, 1), std::nullopt) << "before the epoch's start it may have records of its own";
  fetch(3, 19, 20, 2);
  EXPECT_EQ(wanted(20, 20, 2), std::nullopt) << "it lacks what is committed";
  fetch(3, 20, 20, 3);
  EXPECT_EQ(wanted(20, 20, 3, false), std::nullopt) << "it is fenced, or registered anew since";
  EXPECT_EQ(wanted(20, 20, 3), kAll);
  state_.ask({});
  EXPECT_EQ(wanted(20, 20, 3), std::nullopt) << "one change at a time";
}

TEST_F(ReplicationStateTest, NewEpochForgetsWhatWasKnown) {
  fetch(2, 20, 20, 1);
  fetch(3, 20, 20, 1);
  state_.begin(image(kAll, kAll), Offset(20), at(2));
  EXPECT_EQ(state_.committed_end(Offset(21), 1), kNoOffset);
}

TEST_F(ReplicationStateTest, ConsumerIsSentToTheNearReplicaThatHasMost) {
  const auto near = [](std::initializer_list<int> ids) {
    return [ids = std::vector<int>(ids)](NodeId id) { return std::ranges::find(ids, id.value()) != ids.end(); };
  };
  EXPECT_EQ(state_.closest(Offset(5), near({2, 3})), kNoNode) << "none has fetched yet";
  fetch(2, 15, 20, 1);
  fetch(3, 18, 20, 1);
  EXPECT_EQ(state_.closest(Offset(5), near({2, 3})), NodeId(3));
  EXPECT_EQ(state_.closest(Offset(5), near({2})), NodeId(2));
  EXPECT_EQ(state_.closest(Offset(16), near({2})), kNoNode) << "it does not have the offset";
  EXPECT_EQ(state_.closest(Offset(5), near({})), kNoNode);
  fetch(2, 18, 20, 1);
  EXPECT_EQ(state_.closest(Offset(5), near({2, 3})), NodeId(3)) << "of two alike the one with the higher id";
  state_.note_fetch({NodeId(3), BrokerEpoch(103)}, {Offset(6), Offset(18)}, Offset(20), at(1));
  EXPECT_EQ(state_.closest(Offset(5), near({2, 3})), NodeId(2)) << "the other has deleted it";
  state_.update(image(kAll, {NodeId(1), NodeId(3)}, 1), at(1));
  EXPECT_EQ(state_.closest(Offset(6), near({2, 3})), NodeId(3)) << "in the ISR only";
}

TEST_F(ReplicationStateTest, RecordsAreDeletedWhenNoReplicaThatIsUpHasThem) {
  const auto all = [](NodeId) { return true; };
  EXPECT_EQ(state_.least_start(Offset(12), all), kNoOffset) << "not all have said where they begin";
  state_.note_fetch({NodeId(2), BrokerEpoch(102)}, {Offset(12), Offset(20)}, Offset(20), at(1));
  EXPECT_EQ(state_.least_start(Offset(12), all), kNoOffset);
  EXPECT_EQ(state_.least_start(Offset(12), [](NodeId id) { return id != NodeId(3); }), Offset(12));
  state_.note_fetch({NodeId(3), BrokerEpoch(103)}, {Offset(7), Offset(20)}, Offset(20), at(1));
  EXPECT_EQ(state_.least_start(Offset(12), all), Offset(7));
}

TEST_F(ReplicationStateTest, StrangerIsNoReplica) {
  EXPECT_FALSE(state_.note_fetch({NodeId(9), BrokerEpoch(1)}, {Offset(0), Offset(20)}, Offset(20), at(1)));
}

TEST(ReplicationState, SingleReplicaCommitsWhatItHas) {
  ReplicationState state(kSelf);
  state.begin(image({kSelf}, {kSelf}), Offset(0), at(0));
  EXPECT_EQ(state.committed_end(Offset(7), 1), Offset(7));
  EXPECT_TRUE(state.is_alone());
}

}  // namespace
}  // namespace weir::broker
