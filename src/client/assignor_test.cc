#include "client/assignor.h"

#include <gtest/gtest.h>

namespace weir::client {
namespace {

std::vector<TopicPartition> places(const std::string& topic, std::initializer_list<int> partitions) {
  std::vector<TopicPartition> result;
  for (const int partition : partitions) result.push_back({topic, PartitionIndex(partition)});
  return result;
}

MemberSubscription member(std::string id, std::vector<std::string> topics, std::vector<TopicPartition> owned = {},
                          int32_t generation = -1) {
  return {.member = std::move(id), .topics = std::move(topics), .owned = std::move(owned), .generation = generation};
}

TEST(RangeAssignor, GivesConsecutivePartitionsAndOneMoreToTheFirst) {
  const auto shares = find_assignor("range")->assign({member("b", {"t"}), member("a", {"t"})}, {{"t", 5}});
  EXPECT_EQ(shares.at("a"), places("t", {0, 1, 2}));
  EXPECT_EQ(shares.at("b"), places("t", {3, 4}));
}

TEST(RangeAssignor, StaticMembersComeFirstByTheirInstance) {
  auto fixed = member("z", {"t"});
  fixed.instance = "i";
  const auto shares = find_assignor("range")->assign({member("a", {"t"}), fixed}, {{"t", 1}});
  EXPECT_EQ(shares.at("z"), places("t", {0}));
}

TEST(RoundRobinAssignor, PassesOverMembersThatDoNotWantATopic) {
  const auto shares =
      find_assignor("roundrobin")->assign({member("a", {"t", "u"}), member("b", {"u"})}, {{"t", 2}, {"u", 2}});
  EXPECT_EQ(shares.at("a").size(), 3u);
  EXPECT_EQ(shares.at("b").size(), 1u);
}

TEST(CooperativeStickyAssignor, TakesPartitionsFromTheirOwnerBeforeItGivesThemToANewcomer) {
  const Assignor& assignor = *find_assignor("cooperative-sticky");
  const auto all = places("t", {0, 1, 2, 3});
  auto shares = assignor.assign({member("a", {"t"}, all, 1), member("b", {"t"})}, {{"t", 4}});
  ASSERT_EQ(shares.at("a").size(), 2u);
  EXPECT_TRUE(shares.at("b").empty());
  shares = assignor.assign({member("a", {"t"}, shares.at("a"), 2), member("b", {"t"}, {}, 2)}, {{"t", 4}});
  EXPECT_EQ(shares.at("a").size(), 2u);
  EXPECT_EQ(shares.at("b").size(), 2u);
}

TEST(CooperativeStickyAssignor, BelievesTheNewerOfTwoClaims) {
  const auto shares =
      find_assignor("cooperative-sticky")
          ->assign({member("a", {"t"}, places("t", {0}), 1), member("b", {"t"}, places("t", {0}), 2)}, {{"t", 1}});
  EXPECT_TRUE(shares.at("a").empty());
  EXPECT_EQ(shares.at("b"), places("t", {0}));
}

TEST(GroupProtocol, SubscriptionsAndAssignmentsSurviveTheirEncoding) {
  const auto sent = member("m", {"t", "u"}, places("t", {2, 0}), 5);
  const auto subscription = decode_subscription("m", "", encode_subscription(sent));
  ASSERT_TRUE(subscription);
  EXPECT_EQ(subscription->topics, sent.topics);
  EXPECT_EQ(subscription->owned, places("t", {0, 2}));
  EXPECT_EQ(subscription->generation, 5);
  EXPECT_EQ(decode_assignment(encode_assignment(places("t", {1, 0}))), places("t", {0, 1}));
  EXPECT_EQ(decode_assignment({}), std::vector<TopicPartition>());
  EXPECT_EQ(decode_assignment(as_bytes("x")).error().code, Errc::kCorrupt);
}

}  // namespace
}  // namespace weir::client
