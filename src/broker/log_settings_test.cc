#include "broker/log_settings.h"

#include <gtest/gtest.h>

namespace weir::broker {
namespace {

std::optional<int> gzip_level(int32_t configured) {
  TopicConfig topic;
  topic.compression = TopicCompression::kGzip;
  topic.compression_gzip_level = configured;
  return to_log_config(topic, 0, 0).compression_level;
}

// -1 was taken for a level, the lowest there is: what the node compressed by default came out larger than Kafka's.
TEST(LogSettings, GzipOfNoSaidLevelHasTheUsualOne) {
  EXPECT_EQ(gzip_level(-1), std::nullopt);
  EXPECT_EQ(gzip_level(1), 1);
  EXPECT_EQ(gzip_level(9), 9);
}

}  // namespace
}  // namespace weir::broker
