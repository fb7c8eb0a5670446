// The plain state machines around brokers: metadata, fetch sessions, partitioner, backoff, addresses.
#include <gtest/gtest.h>

#include "client/fetch_session.h"
#include "client/metadata_cache.h"
#include "client/partitioner.h"
#include "protocol/connection/backoff.h"
#include "protocol/messages/fetch_request.h"
#include "protocol/messages/metadata_response.h"
#include "weir/client.h"

namespace weir::client {

using protocol::Backoff;
namespace {

class FixedRandom final : public Random {
 public:
  uint64_t next() override { return value += 0x9e3779b97f4a7c15ULL; }
  uint64_t value = 0;
};

protocol::MetadataResponse answer(int32_t leader, int32_t epoch, Uuid id = {1, 2}) {
  protocol::MetadataResponse response;
  response.brokers.push_back({.node_id = 1, .host = "a", .port = 1});
  response.brokers.push_back({.node_id = 2, .host = "b", .port = 2});
  response.topics.push_back({.name = "t", .topic_id = id});
  response.topics.back().partitions.push_back({.partition_index = 0, .leader_id = leader, .leader_epoch = epoch});
  return response;
}

const TopicPartition kPlace{"t", PartitionIndex(0)};

TEST(MetadataCache, IgnoresALeaderOfAnOlderEpoch) {
  MetadataCache cache;
  cache.apply(answer(2, 5), {});
  cache.apply(answer(1, 4), {});
  EXPECT_EQ(cache.partition(kPlace)->leader, NodeId(2));
  cache.apply(answer(1, 6), {});
  EXPECT_EQ(cache.partition(kPlace)->leader, NodeId(1));
}

TEST(MetadataCache, ATopicMadeAnewBeginsAtItsOwnEpochs) {
  MetadataCache cache;
  cache.apply(answer(2, 5), {});
  cache.apply(answer(1, 0, Uuid(3, 4)), {});
  EXPECT_EQ(cache.partition(kPlace)->leader, NodeId(1));
  EXPECT_EQ(cache.topic_name(Uuid(3, 4)), "t");
  EXPECT_TRUE(cache.topic_name(Uuid(1, 2)).empty());
}

TEST(MetadataCache, TakesALeaderFromAnErrorAnswerWhenItIsNewerAndKnown) {
  MetadataCache cache;
  cache.apply(answer(2, 5), {});
  cache.set_leader(kPlace, NodeId(9), LeaderEpoch(6));
  cache.set_leader(kPlace, NodeId(1), LeaderEpoch(5));
  EXPECT_EQ(cache.partition(kPlace)->leader, NodeId(2));
  cache.set_leader(kPlace, NodeId(1), LeaderEpoch(6));
  EXPECT_EQ(cache.partition(kPlace)->leader, NodeId(1));
}

FetchSession::Targets targets(int64_t offset) {
  return {{kPlace, {.topic_id = {1, 2}, .offset = Offset(offset), .bytes_max = 100}}};
}

TEST(FetchSession, TellsOnlyDifferencesOnceItIsOpen) {
  FetchSession session;
  protocol::FetchRequest full, same, changed, gone;
  EXPECT_TRUE(session.fill(full, targets(0)));
  EXPECT_EQ(full.session_epoch, 0);
  EXPECT_EQ(full.topics.size(), 1u);
  EXPECT_TRUE(session.accept(protocol::ErrorCode::kNone, 77));
  session.fill(same, targets(0));
  EXPECT_EQ(same.session_id, 77);
  EXPECT_EQ(same.session_epoch, 1);
  EXPECT_TRUE(same.topics.empty());
  session.accept(protocol::ErrorCode::kNone, 77);
  session.fill(changed, targets(5));
  EXPECT_EQ(changed.topics.at(0).partitions.at(0).fetch_offset, 5);
  session.accept(protocol::ErrorCode::kNone, 77);
  session.fill(gone, {});
  EXPECT_EQ(gone.forgotten_topics_data.size(), 1u);
}

TEST(FetchSession, BeginsAnewWhenTheBrokerForgotItOrNoAnswerCame) {
  FetchSession session;
  protocol::FetchRequest first, second, third;
  session.fill(first, targets(0));
  session.accept(protocol::ErrorCode::kNone, 77);
  session.fill(second, targets(0));
  EXPECT_FALSE(session.accept(protocol::ErrorCode::kFetchSessionIdNotFound, 0));
  session.fill(third, targets(0));
  EXPECT_EQ(third.session_id, 0);
  EXPECT_EQ(third.topics.size(), 1u);
}

TEST(Partitioner, KeysGoWhereKafkasClientsPutThem) {
  FixedRandom random;
  Partitioner partitioner(random);
  TopicInfo topic{.name = "t", .partitions = std::vector<PartitionInfo>(100)};
  // murmur2 of Kafka's own tests, as a positive number, modulo the number of partitions.
  EXPECT_EQ(partitioner.choose(topic, "21"), PartitionIndex((-973932308 & INT32_MAX) % 100));
  EXPECT_EQ(partitioner.choose(topic, "foobar"), PartitionIndex((-790332482 & INT32_MAX) % 100));
}

TEST(Partitioner, KeylessRecordsStayTogetherAndThenMoveToAnotherPartitionWithALeader) {
  FixedRandom random;
  Partitioner partitioner(random);
  TopicInfo topic{.name = "t", .partitions = std::vector<PartitionInfo>(3)};
  topic.partitions[0].leader = topic.partitions[2].leader = NodeId(1);
  const PartitionIndex first = partitioner.choose(topic, std::nullopt);
  EXPECT_EQ(partitioner.choose(topic, std::nullopt), first);
  for (int i = 0; i < 10; ++i) {
    const PartitionIndex before = partitioner.choose(topic, std::nullopt);
    partitioner.next_keyless(topic);
    EXPECT_NE(partitioner.choose(topic, std::nullopt), before);
    EXPECT_NE(partitioner.choose(topic, std::nullopt), PartitionIndex(1));
  }
}

TEST(Backoff, DoublesUpToItsMostWithinAFifth) {
  FixedRandom random;
  Backoff backoff(milliseconds(100), milliseconds(350));
  for (const int expected : {100, 200, 350, 350}) {
    const Duration wait = backoff.next(random);
    EXPECT_GE(wait, milliseconds(expected) * 4 / 5);
    EXPECT_LE(wait, milliseconds(expected) * 6 / 5);
  }
  backoff.reset();
  EXPECT_LE(backoff.next(random), milliseconds(120));
}

TEST(Bootstrap, HostsHavePortsOrTheUsualOne) {
  const auto endpoints = parse_bootstrap("a, b:1 ,[::1]:2,[::1]");
  ASSERT_TRUE(endpoints);
  EXPECT_EQ(*endpoints, (std::vector<Endpoint>{{"a", 9092}, {"b", 1}, {"::1", 2}, {"::1", 9092}}));
  for (const char* wrong : {"", ",", ":1", "a:", "a:x", "a:0", "a:70000", "[::1"}) {
    EXPECT_EQ(parse_bootstrap(wrong).error().code, Errc::kInvalidArgument) << wrong;
  }
}

}  // namespace
}  // namespace weir::client
