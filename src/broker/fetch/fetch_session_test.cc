#include "broker/fetch/fetch_session.h"

#include <gtest/gtest.h>

#include <random>

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using protocol::FetchRequest;
using protocol::FetchResponse;

constexpr Uuid kTopic{7, 7};

FetchRequest request_of(int32_t session_id, int32_t session_epoch, std::vector<int32_t> partitions) {
  FetchRequest request;
  request.session_id = session_id;
  request.session_epoch = session_epoch;
  if (partitions.empty()) return request;
  auto& topic = request.topics.emplace_back();
  topic.topic_id = kTopic;
  for (const int32_t partition : partitions)
    topic.partitions.push_back({.partition = partition, .partition_max_bytes = 100});
  return request;
}

class FixedRandom final : public Random {
 public:
  uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

class FetchSessions : public ::testing::Test {
 protected:
  FetchSessionCache::Resolution resolve(const FetchRequest& request) {
    return cache_.resolve(request, {.uses_topic_ids = true}, now_, random_);
  }
  int32_t open(std::vector<int32_t> partitions) {
    return resolve(request_of(0, 0, std::move(partitions))).session->id();
  }

  FetchSessionCache cache_{1, 4, 2};
  MonotonicTime now_{};
  FixedRandom random_;
};

TEST_F(FetchSessions, AnIdNamesTheShardThatOwnsIt) {
  const int32_t id = open({0});
  EXPECT_GT(id, 0);
  EXPECT_EQ(FetchSessionCache::owner(id, 4), 1U);
}

TEST_F(FetchSessions, ARequestWithoutASessionOpensNone) {
  EXPECT_EQ(resolve(request_of(0, -1, {0})).session, nullptr);
  EXPECT_EQ(cache_.size(), 0U);
}

TEST_F(FetchSessions, IncrementalRequestsRememberAndForgetPartitions) {
  const int32_t id = open({0, 1});
  EXPECT_EQ(resolve(request_of(id, 1, {2})).session->size(), 3U);
  FetchRequest forget = request_of(id, 2, {});
  forget.forgotten_topics_data.push_back({.topic_id = kTopic, .partitions = {0, 2}});
  const auto resolution = resolve(forget);
  EXPECT_TRUE(resolution.incremental);
  ASSERT_EQ(resolution.session->size(), 1U);
  EXPECT_EQ(resolution.session->items().front().partition, 1);
}

TEST_F(FetchSessions, AWrongEpochOrAnUnknownIdIsRefused) {
  const int32_t id = open({0});
  EXPECT_EQ(resolve(request_of(id, 2, {})).error, ErrorCode::kInvalidFetchSessionEpoch);
  EXPECT_EQ(resolve(request_of(id + 4, 1, {})).error, ErrorCode::kFetchSessionIdNotFound);
  EXPECT_EQ(cache_.resolve(request_of(id, 1, {}), {}, now_, random_).error, ErrorCode::kFetchSessionTopicIdError);
  EXPECT_EQ(resolve(request_of(id, 1, {})).error, ErrorCode::kNone);
}

TEST_F(FetchSessions, ASessionThatAnswersARequestTakesNoOther) {
  const int32_t id = open({0});
  resolve(request_of(id, 1, {})).session->in_use = true;
  EXPECT_EQ(resolve(request_of(id, 2, {})).error, ErrorCode::kInvalidFetchSessionEpoch);
}

TEST_F(FetchSessions, TheFinalEpochClosesTheSession) {
  const int32_t id = open({0});
  EXPECT_EQ(resolve(request_of(id, -1, {0})).session, nullptr);
  EXPECT_EQ(resolve(request_of(id, 1, {})).error, ErrorCode::kFetchSessionIdNotFound);
}

TEST_F(FetchSessions, AFullCacheGivesWayToBiggerSessionsAndToAnyoneWhenIdle) {
  const int32_t small = open({0});
  open({0, 1});
  EXPECT_EQ(resolve(request_of(0, 0, {0})).session, nullptr);
  EXPECT_NE(resolve(request_of(0, 0, {0, 1, 2})).session, nullptr);
  EXPECT_EQ(resolve(request_of(small, 1, {})).error, ErrorCode::kFetchSessionIdNotFound);
  now_ += FetchSessionCache::kEvictAfter + seconds(1);
  EXPECT_NE(resolve(request_of(0, 0, {0})).session, nullptr);
  EXPECT_EQ(cache_.size(), 2U);
}

TEST_F(FetchSessions, SessionsOfReplicasGiveWayToThoseOfReplicasOnly) {
  const auto of_replica = [this](std::vector<int32_t> partitions) {
    const auto request = request_of(0, 0, std::move(partitions));
    return cache_.resolve(request, {.uses_topic_ids = true, .is_replica = true}, now_, random_).session;
  };
  open({0, 1, 2, 3});
  open({0, 1, 2, 3});
  EXPECT_NE(of_replica({0}), nullptr) << "in place of a larger one of a consumer";
  EXPECT_NE(of_replica({0}), nullptr);
  EXPECT_EQ(resolve(request_of(0, 0, {0, 1, 2})).session, nullptr);
  EXPECT_EQ(of_replica({0}), nullptr);
  EXPECT_NE(of_replica({0, 1}), nullptr);
}

TEST_F(FetchSessions, OnlyNewsIsSentAndServedPartitionsGoToTheEnd) {
  const auto session = resolve(request_of(0, 0, {0, 1})).session;
  FetchItem& first = session->items().front();
  FetchResponse::PartitionData data{.high_watermark = 5, .log_start_offset = 0};
  EXPECT_TRUE(FetchSession::must_send(first, data));
  EXPECT_FALSE(FetchSession::must_send(first, data));
  data.high_watermark = 6;
  EXPECT_TRUE(FetchSession::must_send(first, data));
  data.error_code = 6;
  EXPECT_TRUE(FetchSession::must_send(first, data));
  data.error_code = 0;
  EXPECT_TRUE(FetchSession::must_send(first, data)) << "the end of an error is news";
  session->move_to_end(first);
  EXPECT_EQ(session->items().back().partition, 0);
}

}  // namespace
}  // namespace weir::broker
