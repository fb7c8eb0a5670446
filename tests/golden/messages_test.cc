// Bytes that Kafka's own codecs wrote decode to the values they were made of, and encode to the same bytes again.
#include <gtest/gtest.h>

#include "golden/golden.h"
#include "golden/json_compare.h"
#include "protocol/api_key.h"
#include "protocol/error_code.h"
#include "protocol/frame.h"
#include "protocol/json/json.h"
#include "protocol/json/reflection.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

namespace weir::protocol {
namespace {

// Decodes the rest of `in` as `info`, compares it with `expected` JSON, and appends its encoding to `out`.
void expect_message(const MessageInfo& info, int16_t version, Reader& in, std::string_view expected, Writer& out) {
  auto message = info.make();
  auto decoded = info.decode(message.get(), in, version);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  ASSERT_TRUE(in.expect_end(info.name).has_value());
  std::string json;
  append_json(json, info, message.get(), version);
  EXPECT_EQ(golden::json_difference(expected, json), "");
  auto encoded = info.encode(message.get(), out, version);
  ASSERT_TRUE(encoded.has_value()) << encoded.error().message;
}

TEST(GoldenVectors, EveryMessageInEveryVersionDecodesAndEncodesToTheSameBytes) {
  auto lines = golden::lines("codec-vectors.jsonl.gz");
  EXPECT_EQ(lines.size(), 1456U);
  for (const std::string& line : lines) {
    auto name = golden::text_of(line, "name");
    auto version = static_cast<int16_t>(golden::number_of(line, "version"));
    SCOPED_TRACE(std::string(name) + " v" + std::to_string(version) + " " + std::string(golden::text_of(line, "mode")));
    const MessageInfo* info = find_message(name);
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->group, golden::text_of(line, "group"));
    auto hex = golden::text_of(line, "hex");
    ByteVector bytes = golden::from_hex(hex);
    Reader in(bytes);
    Writer out;
    ASSERT_NO_FATAL_FAILURE(expect_message(*info, version, in, golden::json_of(line, "value"), out));
    EXPECT_EQ(golden::to_hex(out.view()), hex);
  }
}

// The size that a frame begins with; the captured hex has none.
std::string without_size(const Writer& out) { return golden::to_hex(out.view().subspan(sizeof(int32_t))); }

void expect_request(const std::string& line, const ApiInfo& api, int16_t version) {
  auto hex = golden::text_of(line, "requestHex");
  ByteVector bytes = golden::from_hex(hex);
  Reader in(bytes);
  auto header = decode_request_header(in);
  ASSERT_TRUE(header.has_value()) << header.error().message;
  EXPECT_EQ(header->request_api_version, version);
  if (!api.has_version(version)) return;  // the header is all that a broker can read then
  Writer out;
  size_t frame = begin_request(out, api.key, version, header->correlation_id, header->client_id);
  const MessageInfo* info = find_message("clients", MessageKind::kRequest, static_cast<int16_t>(api.key));
  ASSERT_NO_FATAL_FAILURE(expect_message(*info, version, in, golden::json_of(line, "request", "responseHex"), out));
  out.end_frame(frame);
  EXPECT_EQ(without_size(out), hex);
  EXPECT_EQ(load_be<int32_t>(out.view().data()), static_cast<int32_t>(bytes.size()));
}

void expect_response(const std::string& line, const ApiInfo& api, int16_t version) {
  auto hex = golden::text_of(line, "responseHex");
  ByteVector bytes = golden::from_hex(hex);
  Reader in(bytes);
  auto correlation_id = decode_response_header(in, api.key, version);
  ASSERT_TRUE(correlation_id.has_value()) << correlation_id.error().message;
  Writer out;
  size_t frame = begin_response(out, api.key, version, *correlation_id);
  // The answer to an ApiVersions request of an unknown version is in version 0, for everybody to read.
  bool is_refusal = api.key == ApiKey::kApiVersions &&
                    load_be<int16_t>(in.rest().data()) == error_field(ErrorCode::kUnsupportedVersion);
  const MessageInfo* info = find_message("clients", MessageKind::kResponse, static_cast<int16_t>(api.key));
  ASSERT_NO_FATAL_FAILURE(
      expect_message(*info, is_refusal ? int16_t{0} : version, in, golden::json_of(line, "response"), out));
  out.end_frame(frame);
  EXPECT_EQ(without_size(out), hex);
}

TEST(GoldenExchanges, EveryRequestAndAnswerDecodesAndEncodesToTheSameBytes) {
  auto lines = golden::lines("exchanges.jsonl.gz");
  EXPECT_EQ(lines.size(), 627U);
  for (const std::string& line : lines) {
    auto version = static_cast<int16_t>(golden::number_of(line, "version"));
    SCOPED_TRACE(std::string(golden::text_of(line, "api")) + " v" + std::to_string(version));
    const ApiInfo* api = find_api(static_cast<int16_t>(golden::number_of(line, "key")));
    ASSERT_NE(api, nullptr);
    EXPECT_EQ(api->name, golden::text_of(line, "api"));
    ASSERT_NO_FATAL_FAILURE(expect_request(line, *api, version));
    if (golden::json_of(line, "response") == "null") continue;  // none was sent
    ASSERT_NO_FATAL_FAILURE(expect_response(line, *api, version));
  }
}

}  // namespace
}  // namespace weir::protocol
