#include "base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace weir {
namespace {

std::optional<LogLevel> level_of(std::string_view name) {
  const std::vector<Logger> all = loggers();
  const auto found = std::ranges::find(all, name, &Logger::name);
  return found == all.end() ? std::nullopt : std::optional(found->level);
}

TEST(Loggers, AreThereFromTheFirstEventOnThoughItWasDropped) {
  EXPECT_FALSE(level_of("quiet"));
  EXPECT_FALSE(set_log_level("quiet", LogLevel::kDebug));
  log_debug("quiet", "nobody reads this");
  EXPECT_EQ(level_of("quiet"), LogLevel::kInfo);
}

TEST(Loggers, GoByTheRootUntilTheyHaveALevelOfTheirOwnAndAfterIt) {
  log_debug("part", "nobody reads this");
  ASSERT_TRUE(set_log_level(kRootLogger, LogLevel::kError));
  EXPECT_EQ(level_of("part"), LogLevel::kError);
  ASSERT_TRUE(set_log_level("part", LogLevel::kTrace));
  EXPECT_EQ(level_of("part"), LogLevel::kTrace);
  EXPECT_EQ(level_of(kRootLogger), LogLevel::kError);
  ASSERT_TRUE(reset_log_level("part"));
  EXPECT_EQ(level_of("part"), LogLevel::kError);
  EXPECT_FALSE(reset_log_level(kRootLogger));
  ASSERT_TRUE(set_log_level(kRootLogger, LogLevel::kInfo));
}

TEST(Loggers, DropEventsBelowTheirLevelAndNoOthers) {
  log_debug("picky", "nobody reads this");
  ASSERT_TRUE(set_log_level("picky", LogLevel::kWarn));
  ::testing::internal::CaptureStderr();
  log_info("picky", "dropped");
  log_warn("picky", "kept");
  log_info("other", "kept too");
  const std::string lines = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines.find("dropped"), std::string::npos);
  EXPECT_NE(lines.find("picky: kept\n"), std::string::npos);
  EXPECT_NE(lines.find("other: kept too\n"), std::string::npos);
}

TEST(LogLevels, AreReadAsTheyAreWritten) {
  for (const auto level :
       {LogLevel::kTrace, LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError, LogLevel::kFatal}) {
    EXPECT_EQ(parse_log_level(log_level_name(level)), level);
  }
  EXPECT_FALSE(parse_log_level("debug"));
  EXPECT_FALSE(parse_log_level("OFF"));
}

}  // namespace
}  // namespace weir
