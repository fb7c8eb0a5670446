#include "broker/group/metadata_hash.h"

#include <gtest/gtest.h>

#include "broker/group/group_world.h"

namespace weir::broker {
namespace {

// What Kafka 4.3.1 has written for a group that reads two topics: tests/golden, group g-848.
TEST(MetadataHash, IsThatOfKafka) {
  TestTopics topics;
  topics.topics = {{"gzip", {*Uuid::parse("Z_-qxT9sRaqBzuDVyu3gwQ"), 1}},
                   {"plain", {*Uuid::parse("FvIq6NIMSSGgAEdrjDq4vA"), 2}}};
  const std::vector<std::string_view> names = {"gone", "gzip", "plain"};
  EXPECT_EQ(metadata_hash(topics, names), -1806316984023877006);
  topics.topics["plain"].second = 3;
  EXPECT_NE(metadata_hash(topics, names), -1806316984023877006);
}

TEST(MetadataHash, OfNoTopicsIsZero) {
  const TestTopics topics;
  const std::vector<std::string_view> names = {"gone"};
  EXPECT_EQ(metadata_hash(topics, names), 0);
}

}  // namespace
}  // namespace weir::broker
