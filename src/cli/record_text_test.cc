// Records as text, both ways, and the places people type.
#include <gtest/gtest.h>

#include "cli/input_lines.h"
#include "cli/output.h"
#include "cli/place_spec.h"
#include "cli/record_template.h"

namespace weir::cli {
namespace {

client::ConsumedRecord record() {
  return {.topic = "t",
          .partition = PartitionIndex(2),
          .offset = Offset(7),
          .timestamp = Timestamp(1500),
          .key = "k",
          .value = "v\xff",
          .headers = {{"h", "x"}, {"n", std::nullopt}}};
}

std::string printed(std::string_view format, std::string_view delimiter = "\\n") {
  std::string out;
  const auto parsed = RecordFormat::parse(format, delimiter);
  EXPECT_TRUE(parsed.has_value());
  if (parsed) parsed->append(out, record());
  return out;
}

TEST(RecordFormat, PrintsEachFieldOfATemplate) {
  EXPECT_EQ(printed("%t/%p@%o %T %D %k=%v [%h] %K %V 100%%", "\\0"),
            "t/2@7 1500 1970-01-01T00:00:01.500Z k=v\xff [h=x,n=] 1 2 100%" + std::string(1, '\0'));
  EXPECT_EQ(printed("key-value"), "k\tv\xff\n");
  EXPECT_EQ(printed("json"),
            R"({"topic":"t","partition":2,"offset":7,"timestamp":1500,"key":"k","value_base64":"dv8=",)"
            R"("headers":[{"key":"h","value":"x"},{"key":"n","value":null}]})"
            "\n");
}

TEST(RecordFormat, RefusesWhatItDoesNotKnow) {
  for (const char* wrong : {"valeu", "%x", "%", "%v\\q"}) {
    EXPECT_EQ(RecordFormat::parse(wrong, "\\n").error().code, Errc::kInvalidArgument) << wrong;
  }
}

TEST(Text, KnowsUtf8AndBase64) {
  EXPECT_TRUE(is_utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
  for (const char* wrong : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80"})
    EXPECT_FALSE(is_utf8(wrong));
  for (const char* text : {"", "a", "ab", "abc", "abcd"}) EXPECT_EQ(from_base64(base64(text)), text);
  EXPECT_EQ(base64("ab"), "YWI=");
  EXPECT_EQ(from_base64("a"), std::nullopt);
  EXPECT_EQ(from_base64("a*bc"), std::nullopt);
}

TEST(LineSplitter, GivesWholeLinesHoweverTheyCome) {
  LineSplitter lines;
  std::vector<std::string> seen;
  const auto drain = [&] {
    std::string_view line;
    while (lines.next(line)) seen.emplace_back(line);
  };
  for (const char* piece : {"a\nb", "c\r", "\n", "\nlast"}) {
    lines.add(piece);
    drain();
  }
  lines.finish();
  drain();
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "bc", "", "last"}));
}

client::ProducerRecord parsed(Produce options, std::string_view line) {
  options.topic = "t";
  const auto parser = RecordParser::make(options);
  EXPECT_TRUE(parser.has_value());
  const auto result = parser->parse(line);
  EXPECT_TRUE(result.has_value());
  return result.value_or(client::ProducerRecord{});
}

TEST(RecordParser, TakesKeysAndHeadersOffTheFrontOfALine) {
  const auto both = parsed({.key_separator = "\\t", .header_separator = "|"}, "a=1,b=2|k\tv\tw");
  EXPECT_EQ(both.key, "k");
  EXPECT_EQ(both.value, "v\tw");
  ASSERT_EQ(both.headers.size(), 2u);
  EXPECT_EQ(both.headers[1].key, "b");
  EXPECT_EQ(parsed({.null_marker = "NULL"}, "NULL").value, std::nullopt);
  EXPECT_EQ(parsed({}, "").value, "");
}

TEST(RecordParser, ReadsBackWhatConsumePrintsAsJson) {
  std::string line;
  append_json_record(line, record());
  const auto back = parsed({.json = true}, line);
  EXPECT_EQ(back.key, "k");
  EXPECT_EQ(back.value, "v\xff");
  EXPECT_EQ(back.partition, PartitionIndex(2));
  EXPECT_EQ(back.timestamp, Timestamp(1500));
  ASSERT_EQ(back.headers.size(), 2u);
  EXPECT_EQ(back.headers[1].value, std::nullopt);
}

TEST(RecordParser, SaysWhatIsWrongWithALine) {
  const auto text = RecordParser::make({.key_separator = ":"});
  EXPECT_EQ(text->parse("no key").error().code, Errc::kInvalidArgument);
  const auto json = RecordParser::make({.json = true});
  for (const char* wrong : {"{", "[]", R"({"headers":1})", R"({"partition":"x"})", R"({"value_base64":"*"})"}) {
    EXPECT_EQ(json->parse(wrong).error().code, Errc::kInvalidArgument) << wrong;
  }
  EXPECT_FALSE(RecordParser::make({.key = "k", .key_separator = ":"}));
}

TEST(PlaceSpec, UnderstandsOffsetsAndTimes) {
  const Timestamp now(1'000'000'000'000);
  EXPECT_TRUE(std::holds_alternative<Earliest>(*parse_place("earliest", now)));
  EXPECT_TRUE(std::holds_alternative<Latest>(*parse_place("end", now)));
  EXPECT_EQ(std::get<Offset>(*parse_place("42", now)), Offset(42));
  EXPECT_EQ(std::get<FromEnd>(*parse_place("-10", now)).records, 10);
  EXPECT_EQ(std::get<Timestamp>(*parse_place("2h30m", now)), now - 9'000'000);
  EXPECT_EQ(std::get<Timestamp>(*parse_place("@5", now)), Timestamp(5000));
  EXPECT_EQ(std::get<Timestamp>(*parse_place("1970-01-02", now)), Timestamp(86'400'000));
  EXPECT_EQ(std::get<Timestamp>(*parse_place("1970-01-01T02:00:01.25+02:00", now)), Timestamp(1250));
  for (const char* wrong : {"", "x", "5x", "1970-13-01", "1970-01-01T25:00", "1970-01-01T01:00+2", "--1"}) {
    EXPECT_EQ(parse_place(wrong, now).error().code, Errc::kInvalidArgument) << wrong;
  }
}

TEST(PlaceSpec, UnderstandsTopicsWithPartitions) {
  EXPECT_EQ(parse_topic_partitions("t:0,2")->second, (std::vector<int32_t>{0, 2}));
  EXPECT_TRUE(parse_topic_partitions("t")->second.empty());
  for (const char* wrong : {"t:", "t:a", "t:1,", "t:1;2"}) EXPECT_FALSE(parse_topic_partitions(wrong)) << wrong;
}

TEST(Output, AlignsTablesAndWritesNumbersForPeople) {
  Table table({"NAME", "COUNT"});
  table.add({"a", "5"});
  table.add({"long one", "1234"});
  EXPECT_EQ(table.text(), "NAME      COUNT\na             5\nlong one   1234\n");
  EXPECT_EQ(with_commas(-1234567), "-1,234,567");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(in_bytes(1536), "1.5 KiB");
}

}  // namespace
}  // namespace weir::cli
