#include "base/uuid.h"

#include <gtest/gtest.h>

#include <set>

#include "base/real/system.h"

namespace weir {
namespace {

TEST(Uuid, TextFormRoundTrips) {
  SystemRandom random;
  EXPECT_EQ(kMetadataTopicId.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Uuid id = Uuid::random(random);
    EXPECT_EQ(Uuid::parse(id.to_string()), id);
    EXPECT_TRUE(seen.insert(id.to_string()).second);
  }
  EXPECT_EQ(Uuid::parse("short").error().code, Errc::kInvalidArgument);
  EXPECT_EQ(Uuid::parse("AAAAAAAAAAAAAAAAAAAA+Q").error().code, Errc::kInvalidArgument);
}

}  // namespace
}  // namespace weir
