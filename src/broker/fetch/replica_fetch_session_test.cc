#include "broker/fetch/replica_fetch_session.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "broker/fetch/fetch_session.h"
#include "protocol/error_code.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using protocol::FetchRequest;
using protocol::FetchResponse;

constexpr Uuid kTopic{1, 1};
constexpr Uuid kOther{2, 2};

PartitionKey key(int32_t index, const Uuid& topic = kTopic) { return {topic, PartitionIndex(index)}; }
ReplicaFetchSession::Ask ask(int64_t offset, int32_t epoch = 3) {
  return {.leader_epoch = LeaderEpoch(epoch), .offset = Offset(offset), .max_bytes = 100};
}

std::map<int32_t, int64_t> offsets(const FetchRequest& request) {
  std::map<int32_t, int64_t> named;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) named[partition.partition] = partition.fetch_offset;
  }
  return named;
}

class ReplicaFetchSessionTest : public ::testing::Test {
 protected:
  FetchRequest next() {
    FetchRequest request;
    session_.fill(request);
    return request;
  }
  void answer(int32_t session_id, ErrorCode error = ErrorCode::kNone) {
    FetchResponse response;
    response.session_id = session_id;
    response.error_code = error_field(error);
    session_.answered(response);
  }
  // A session of partitions 0 and 1 that the leader has opened.
  void open() {
    session_.want(key(0), ask(10));
    session_.want(key(1), ask(20));
    next();
    answer(7);
  }

  ReplicaFetchSession session_;
};

TEST_F(ReplicaFetchSessionTest, FirstRequestNamesEverything) {
  session_.want(key(0), ask(10));
  session_.want(key(1), ask(20));
  const FetchRequest request = next();
  EXPECT_EQ(request.session_id, 0);
  EXPECT_EQ(request.session_epoch, 0);
  EXPECT_EQ(offsets(request), (std::map<int32_t, int64_t>{{0, 10}, {1, 20}}));
}

TEST_F(ReplicaFetchSessionTest, LaterRequestsNameOnlyWhatHasChanged) {
  open();
  session_.want(key(0), ask(10));
  session_.want(key(1), ask(25));
  FetchRequest request = next();
  EXPECT_EQ(request.session_id, 7);
  EXPECT_EQ(request.session_epoch, 1);
  EXPECT_EQ(offsets(request), (std::map<int32_t, int64_t>{{1, 25}}));
  answer(7);
  request = next();
  EXPECT_EQ(request.session_epoch, 2);
  EXPECT_TRUE(request.topics.empty());
}

TEST_F(ReplicaFetchSessionTest, WhatIsNotFetchedAnyMoreIsForgottenOnce) {
  open();
  session_.drop(key(0));
  session_.drop(key(5));
  const FetchRequest request = next();
  ASSERT_EQ(request.forgotten_topics_data.size(), 1U);
  EXPECT_EQ(request.forgotten_topics_data.front().partitions, std::vector<int32_t>{0});
  answer(7);
  EXPECT_TRUE(next().forgotten_topics_data.empty());
}

TEST_F(ReplicaFetchSessionTest, WhatWasDroppedAndIsWantedAgainIsNamedAndNotForgotten) {
  open();
  session_.drop(key(0));
  session_.want(key(0), ask(10));
  const FetchRequest request = next();
  EXPECT_TRUE(request.forgotten_topics_data.empty());
  EXPECT_EQ(offsets(request), (std::map<int32_t, int64_t>{{0, 10}}));
}

TEST_F(ReplicaFetchSessionTest, AnswerBelongsToTheEpochThatWasAskedFor) {
  open();
  next();
  session_.want(key(0), ask(10, 4));
  EXPECT_EQ(session_.asked_epoch(key(0)), LeaderEpoch(3)) << "the answer at hand";
  session_.drop(key(1));
  session_.want(key(1), ask(20));
  EXPECT_EQ(session_.asked_epoch(key(1)), kNoLeaderEpoch) << "it has not been asked for since";
  answer(7);
  next();
  EXPECT_EQ(session_.asked_epoch(key(0)), LeaderEpoch(4));
}

TEST_F(ReplicaFetchSessionTest, LostSessionBeginsAgainWithEverything) {
  open();
  next();
  answer(0, ErrorCode::kFetchSessionIdNotFound);
  // What was taken of the last answer changes nothing.
  session_.want(key(0), ask(10));
  const FetchRequest request = next();
  EXPECT_EQ(request.session_id, 0);
  EXPECT_EQ(request.session_epoch, 0);
  EXPECT_EQ(offsets(request).size(), 2U);
}

TEST_F(ReplicaFetchSessionTest, SessionThatMayBeOpenStillIsClosedByItsSuccessor) {
  for (const bool is_answered : {true, false}) {
    session_ = {};
    open();
    next();
    if (is_answered) {
      answer(0, ErrorCode::kInvalidFetchSessionEpoch);
    } else {
      session_.failed();
    }
    const FetchRequest request = next();
    EXPECT_EQ(request.session_id, 7);
    EXPECT_EQ(request.session_epoch, 0);
    EXPECT_EQ(offsets(request).size(), 2U);
  }
}

TEST_F(ReplicaFetchSessionTest, LeaderWithoutRoomIsToldEverythingEachTime) {
  open();
  next();
  answer(0);
  EXPECT_EQ(offsets(next()).size(), 2U);
  answer(0);
  EXPECT_EQ(offsets(next()).size(), 2U);
}

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// A follower's session and its leader's, with requests and answers that may be lost between them.
class BothSides {
 public:
  explicit BothSides(uint64_t seed) : random_(seed) {}

  void change_what_is_wanted() {
    for (uint64_t i = random_.below(4); i > 0; --i) {
      const PartitionKey changed = key(static_cast<int32_t>(random_.below(5)), random_.below(2) == 0 ? kTopic : kOther);
      const std::pair place(changed.topic_id, changed.index.value());
      if (random_.below(3) == 0) {
        session_.drop(changed);
        wanted_.erase(place);
      } else {
        wanted_[place] = static_cast<int64_t>(random_.below(3));
        session_.want(changed, ask(wanted_[place]));
      }
    }
  }

  // What the leader has of a request that reached it; nothing of one that did not, or that opened no session.
  void fetch() {
    if (session_.empty()) return;
    FetchRequest request;
    session_.fill(request);
    const auto fate = random_.below(10);
    if (fate == 0) return session_.failed();
    const auto resolution = leader_.resolve(request, {.uses_topic_ids = true, .is_replica = true}, {}, random_);
    if (resolution.session != nullptr) EXPECT_EQ(known(*resolution.session), wanted_);
    if (fate == 1) return session_.failed();
    FetchResponse response;
    response.error_code = error_field(resolution.error);
    response.session_id = resolution.session == nullptr ? 0 : resolution.session->id();
    session_.answered(response);
    if (fate == 2) leader_.remove(response.session_id);
  }

 private:
  using Offsets = std::map<std::pair<Uuid, int32_t>, int64_t>;
  static Offsets known(FetchSession& session) {
    Offsets offsets;
    for (const FetchItem& item : session.items()) offsets[{item.topic_id, item.partition}] = item.fetch_offset;
    return offsets;
  }

  SeededRandom random_;
  ReplicaFetchSession session_;
  FetchSessionCache leader_{0, 1, 2};
  Offsets wanted_;
};

TEST(ReplicaFetchSession, LeaderKnowsWhatIsWantedAfterEachRequest) {
  for (uint64_t seed = 1; seed <= 50 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    BothSides both(seed);
    for (int round = 0; round < 200 && !::testing::Test::HasFailure(); ++round) {
      both.change_what_is_wanted();
      both.fetch();
    }
  }
}

}  // namespace
}  // namespace weir::broker
