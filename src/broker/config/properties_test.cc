#include "broker/config/properties.h"

#include <gtest/gtest.h>

namespace weir::broker {
namespace {

ConfigMap parsed(std::string_view text) {
  auto entries = parse_properties(text);
  EXPECT_TRUE(entries.has_value()) << (entries ? "" : entries.error().message);
  return entries ? *entries : ConfigMap{};
}

TEST(Properties, SeparatesNamesFromValuesAsJavaDoes) {
  const ConfigMap expected = {{"a", "b"}};
  for (const auto* text : {"a=b", "a:b", "a b", "a\tb", "  a = b", "a =b\n", "a : b\r\n", "a   b"})
    EXPECT_EQ(parsed(text), expected) << text;
  EXPECT_EQ(parsed("a==b"), (ConfigMap{{"a", "=b"}}));
  EXPECT_EQ(parsed("a"), (ConfigMap{{"a", ""}}));
  EXPECT_EQ(parsed("a="), (ConfigMap{{"a", ""}}));
  EXPECT_EQ(parsed("listeners=PLAINTEXT://:9092,SSL://h:1"), (ConfigMap{{"listeners", "PLAINTEXT://:9092,SSL://h:1"}}));
}

TEST(Properties, SkipsCommentsAndEmptyLines) {
  EXPECT_EQ(parsed("# a=1\n\n  ! b=2\r\n \t \nc=3 # kept\n"), (ConfigMap{{"c", "3 # kept"}}));
}

TEST(Properties, JoinsContinuedLines) {
  EXPECT_EQ(parsed("a=1,\\\n    2,\\\r\n\t3\nb=4"), (ConfigMap{{"a", "1,2,3"}, {"b", "4"}}));
  EXPECT_EQ(parsed("a=1\\\\\nb=2"), (ConfigMap{{"a", "1\\"}, {"b", "2"}}));
  EXPECT_EQ(parsed("a=1\\"), (ConfigMap{{"a", "1"}}));
  EXPECT_EQ(parsed("# c \\\na=1"), (ConfigMap{{"a", "1"}}));
}

TEST(Properties, ResolvesEscapes) {
  EXPECT_EQ(parsed("a\\ b\\=c=1\\t2\\n3\\q"), (ConfigMap{{"a b=c", "1\t2\n3q"}}));
  EXPECT_EQ(parsed("a=\\u0041\\u00e9\\u20ac\\ud83d\\ude00"), (ConfigMap{{"a", "A\u00e9\u20ac\U0001f600"}}));
}

TEST(Properties, NamesTheLineOfABrokenEscape) {
  const auto entries = parse_properties("a=1\nb=2,\\\n3\nc=\\u12\n");
  ASSERT_FALSE(entries.has_value());
  EXPECT_TRUE(entries.error().message.starts_with("line 4: ")) << entries.error().message;
}

TEST(Properties, LaterLinesWin) { EXPECT_EQ(parsed("a=1\na=2"), (ConfigMap{{"a", "2"}})); }

TEST(Properties, AnOverrideHasANameAndAnEqualsSign) {
  EXPECT_EQ(parse_override("log.dirs=/a=b"), (std::pair<std::string, std::string>("log.dirs", "/a=b")));
  EXPECT_EQ(parse_override("log.dirs="), (std::pair<std::string, std::string>("log.dirs", "")));
  EXPECT_FALSE(parse_override("log.dirs").has_value());
  EXPECT_FALSE(parse_override("=1").has_value());
}

}  // namespace
}  // namespace weir::broker
