// Reader, Writer and the rules of the generated codecs that random values do not single out.
#include <gtest/gtest.h>

#include "protocol/api_key.h"
#include "protocol/error_code.h"
#include "protocol/frame.h"
#include "protocol/messages/api_versions_response.h"
#include "protocol/messages/create_topics_response.h"
#include "protocol/messages/fetch_request.h"
#include "protocol/messages/fetch_response.h"
#include "protocol/messages/list_groups_request.h"
#include "protocol/messages/metadata_request.h"
#include "protocol/messages/produce_request.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

namespace weir::protocol {
namespace {

ByteVector bytes_of(std::initializer_list<int> values) {
  ByteVector bytes;
  for (int value : values) bytes.push_back(static_cast<uint8_t>(value));
  return bytes;
}

template <class Message>
Result<Message> decoded(ByteView bytes, int16_t version) {
  Message message;
  Reader in(bytes);
  TRY(message.decode(in, version));
  TRY(in.expect_end(Message::kName));
  return message;
}

TEST(Reader, FirstFailureSticksAndEmptiesIt) {
  auto bytes = bytes_of({0, 1, 2});
  Reader in(bytes);
  EXPECT_EQ(in.int16(), 1);
  EXPECT_EQ(in.int32(), 0);
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(in.int8(), 0);
  EXPECT_EQ(in.remaining(), 0U);
  auto status = in.status("Thing", 3);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Errc::kCorrupt);
  EXPECT_EQ(status.error().message, "Thing v3: a number runs past the end (at byte 2)");
}

TEST(Reader, VarintsOfTheGreatestLengthAreTakenAndLongerOnesRefused) {
  auto greatest = bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f, 0xff});
  Reader in(greatest);
  EXPECT_EQ(in.unsigned_varint(), UINT32_MAX);
  EXPECT_EQ(in.remaining(), 1U);
  auto longer = bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x00});
  Reader too_long(longer);
  too_long.unsigned_varint();
  EXPECT_TRUE(too_long.failed());
  auto cut = bytes_of({0x80});
  Reader short_of(cut);
  short_of.unsigned_varint();
  EXPECT_TRUE(short_of.failed());
}

TEST(Reader, CountsThatTheBytesLeftCannotHoldAllocateNothing) {
  // An array of 2^31-1 topics in a request of 20 bytes.
  auto bytes = bytes_of({0x7f, 0xff, 0xff, 0xff, 0, 1, 'a', 0, 1, 'b', 0, 1, 'c', 0, 0, 0, 0, 0, 0, 0});
  auto request = decoded<MetadataRequest>(bytes, 1);
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().code, Errc::kCorrupt);
  // A count that the bytes could hold if an element took one byte; it takes at least two.
  auto fewer = bytes_of({0, 0, 0, 3, 0, 1, 'a', 0, 0});
  auto refused = decoded<MetadataRequest>(fewer, 1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("more elements than the bytes"), std::string::npos) << refused.error().message;
}

TEST(Reader, NullWhereNoneIsAllowedIsRefused) {
  // Topics became nullable in version 1.
  auto null_array = bytes_of({0xff, 0xff, 0xff, 0xff});
  EXPECT_FALSE(decoded<MetadataRequest>(null_array, 0).has_value());
  auto request = decoded<MetadataRequest>(null_array, 1);
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_FALSE(request->topics.has_value());
}

TEST(Reader, UnknownTaggedFieldsAreSkippedKnownOnesMayComeInAnyOrder) {
  ListGroupsRequest request;
  Writer out;
  ASSERT_TRUE(request.encode(out, 5).has_value());
  ByteVector bytes = to_vector(out.view());
  ASSERT_EQ(bytes.back(), 0);  // no tagged fields
  bytes.pop_back();
  for (int i : {2, 9, 3, 120, 121, 122, 5, 0}) bytes.push_back(static_cast<uint8_t>(i));
  EXPECT_TRUE(decoded<ListGroupsRequest>(bytes, 5).has_value());
  bytes[bytes.size() - 6] = 200;  // the first one's size now goes past the end
  EXPECT_FALSE(decoded<ListGroupsRequest>(bytes, 5).has_value());
}

TEST(Reader, TaggedFieldLongerThanItsTypeIsRefused) {
  FetchRequest request;
  request.replica_state.replica_id = 5;
  Writer out;
  ASSERT_TRUE(request.encode(out, 15).has_value());
  ByteVector bytes = to_vector(out.view());
  // The last bytes: tag 1, size 13, int32, int64, its own empty tagged section.
  ASSERT_EQ(bytes[bytes.size() - 14], 13);
  bytes[bytes.size() - 14] = 14;
  bytes.push_back(0);
  EXPECT_FALSE(decoded<FetchRequest>(bytes, 15).has_value());
}

TEST(Writer, ValueThatTheVersionCannotCarryIsAnErrorThatNamesTheField) {
  FetchRequest request;
  request.forgotten_topics_data.emplace_back();
  Writer out;
  out.int8(1);
  size_t start = out.size();
  auto encoded = request.encode(out, 6);
  ASSERT_FALSE(encoded.has_value());
  EXPECT_EQ(encoded.error().code, Errc::kUnsupported);
  EXPECT_NE(encoded.error().message.find("ForgottenTopicsData"), std::string::npos) << encoded.error().message;
  out.truncate(start);
  EXPECT_EQ(out.size(), 1U);
  EXPECT_TRUE(request.encode(out, 7).has_value());
}

TEST(Writer, IgnorableFieldsVanishInVersionsWithoutThem) {
  FetchRequest request;
  request.rack_id = "rack";
  request.session_epoch = 7;
  Writer out;
  EXPECT_TRUE(request.encode(out, 4).has_value());
}

TEST(Writer, NullThatTheVersionCannotCarryIsAnError) {
  MetadataRequest request;
  request.topics = std::nullopt;
  Writer out;
  auto encoded = request.encode(out, 0);
  ASSERT_FALSE(encoded.has_value());
  EXPECT_EQ(encoded.error().code, Errc::kUnsupported);
  EXPECT_TRUE(request.encode(out, 1).has_value());
}

TEST(Writer, StringLongerThanTheProtocolAllowsIsAnError) {
  std::string longest(INT16_MAX, 'x');
  FetchRequest request;
  request.rack_id = longest;
  for (int16_t version : {int16_t{11}, int16_t{12}}) {
    Writer out;
    EXPECT_TRUE(request.encode(out, version).has_value());
    std::string longer(INT16_MAX + 1, 'x');
    FetchRequest bad;
    bad.rack_id = longer;
    auto encoded = bad.encode(out, version);
    ASSERT_FALSE(encoded.has_value());
    EXPECT_EQ(encoded.error().code, Errc::kInvalidArgument);
  }
}

TEST(Writer, LongTaggedFieldGetsALengthOfMoreThanOneByte) {
  ApiVersionsResponse response;
  std::string name(100, 'f');
  for (int i = 0; i < 3; ++i) response.supported_features.push_back({.name = name, .min_version = 1, .max_version = 2});
  Writer out(16);
  ASSERT_TRUE(response.encode(out, 3).has_value());
  auto again = decoded<ApiVersionsResponse>(out.view(), 3);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  ASSERT_EQ(again->supported_features.size(), 3U);
  EXPECT_EQ(again->supported_features[2].name, name);
}

TEST(Writer, ExternalRecordsAreLeftOutAndCountInTheFrame) {
  FetchResponse response;
  auto& topic = response.responses.emplace_back();
  for (uint32_t i = 0; i < 3; ++i) topic.partitions.emplace_back().records = Records::external(i, 1000 * i);
  Writer out;
  size_t frame = begin_response(out, ApiKey::kFetch, 12, 99);
  ASSERT_TRUE(response.encode(out, 12).has_value());
  out.end_frame(frame);
  // An empty range needs no splice.
  ASSERT_EQ(out.splices().size(), 2U);
  EXPECT_EQ(out.spliced_size(), 3000U);
  EXPECT_EQ(load_be<int32_t>(out.view().data()), static_cast<int32_t>(out.size() - 4 + 3000));
  // With the ranges put in where the splices say, the answer reads as if the records had been copied.
  ByteVector whole;
  size_t done = 0;
  for (const Splice& splice : out.splices()) {
    whole.insert(whole.end(), out.view().data() + done, out.view().data() + splice.position);
    whole.insert(whole.end(), splice.size, static_cast<uint8_t>(splice.index));
    done = splice.position;
  }
  whole.insert(whole.end(), out.view().begin() + static_cast<ptrdiff_t>(done), out.view().end());
  Reader in(ByteView(whole).subspan(4));
  ASSERT_EQ(*decode_response_header(in, ApiKey::kFetch, 12), 99);
  FetchResponse again;
  ASSERT_TRUE(again.decode(in, 12).has_value());
  ASSERT_EQ(again.responses[0].partitions.size(), 3U);
  EXPECT_EQ(again.responses[0].partitions[0].records->size(), 0U);
  EXPECT_EQ(again.responses[0].partitions[2].records->bytes()[1999], 2);
}

TEST(Writer, TruncatingTakesTheSplicesBackThatCameLater) {
  Writer out;
  out.records(Records::external(1, 10), false);
  size_t mark = out.size();
  out.records(Records::external(2, 20), false);
  out.truncate(mark);
  ASSERT_EQ(out.splices().size(), 1U);
  EXPECT_EQ(out.spliced_size(), 10U);
  out.clear();
  EXPECT_TRUE(out.splices().empty());
  EXPECT_EQ(out.spliced_size(), 0U);
}

TEST(Writer, GrowsAndHandsItsBytesOut) {
  Writer out(1);
  for (int32_t i = 0; i < 100000; ++i) out.int32(i);
  SharedBytes written = out.release();
  EXPECT_EQ(out.size(), 0U);
  ASSERT_EQ(written.bytes.size(), 400000U);
  EXPECT_EQ(load_be<int32_t>(written.bytes.data() + 4 * 99999), 99999);
  out.int8(1);
  EXPECT_EQ(out.size(), 1U);
}

TEST(Frame, HeaderOfAVersionBeyondTheLastIsReadAsThatOfTheLast) {
  Writer out;
  size_t frame = begin_request(out, ApiKey::kApiVersions, 99, 7, "me");
  out.end_frame(frame);
  Reader in(out.view().subspan(4));
  auto header = decode_request_header(in);
  ASSERT_TRUE(header.has_value()) << header.error().message;
  EXPECT_EQ(header->request_api_version, 99);
  EXPECT_EQ(header->correlation_id, 7);
  EXPECT_EQ(header->client_id, "me");
  EXPECT_EQ(in.remaining(), 0U);
}

TEST(Frame, UnknownApiIsUnsupportedAndGarbageIsCorrupt) {
  auto unknown = bytes_of({0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff});
  Reader in(unknown);
  EXPECT_EQ(decode_request_header(in).error().code, Errc::kUnsupported);
  auto garbage = bytes_of({0, 1, 0});
  Reader cut(garbage);
  EXPECT_EQ(decode_request_header(cut).error().code, Errc::kCorrupt);
  auto long_client_id = bytes_of({0, 1, 0, 4, 0, 0, 0, 1, 0x7f, 0xff, 'a'});
  Reader long_id(long_client_id);
  EXPECT_EQ(decode_request_header(long_id).error().code, Errc::kCorrupt);
}

TEST(Apis, HeaderVersionsFollowTheFirstFlexibleVersion) {
  const ApiInfo& fetch = api_info(ApiKey::kFetch);
  EXPECT_EQ(fetch.request_header_version(11), 1);
  EXPECT_EQ(fetch.response_header_version(11), 0);
  EXPECT_EQ(fetch.request_header_version(12), 2);
  EXPECT_EQ(fetch.response_header_version(12), 1);
  const ApiInfo& versions = api_info(ApiKey::kApiVersions);
  EXPECT_EQ(versions.request_header_version(3), 2);
  EXPECT_EQ(versions.response_header_version(4), 0);
  const ApiInfo& handshake = api_info(ApiKey::kSaslHandshake);
  EXPECT_EQ(handshake.request_header_version(1), 1);
}

TEST(Apis, TableHasGoneUnstableAndControllerOnlyOnes) {
  EXPECT_EQ(all_apis().size(), 93U);
  EXPECT_EQ(find_api(-1), nullptr);
  EXPECT_EQ(find_api(93), nullptr);
  EXPECT_FALSE(api_info(ApiKey::kLeaderAndIsr).has_version(0));
  EXPECT_EQ(api_info(ApiKey::kInitProducerId).max_version, 6);
  EXPECT_EQ(api_info(ApiKey::kInitProducerId).max_stable_version, 5);
  EXPECT_EQ(api_info(ApiKey::kVote).listeners, kControllerListener);
  EXPECT_EQ(api_name(ApiKey::kProduce), "Produce");
}

TEST(ErrorCodes, HaveNamesMessagesAndAnAnswerForUnknownNumbers) {
  EXPECT_EQ(error_name(ErrorCode::kOffsetOutOfRange), "OFFSET_OUT_OF_RANGE");
  EXPECT_EQ(error_name(ErrorCode::kShareSessionLimitReached), "SHARE_SESSION_LIMIT_REACHED");
  EXPECT_EQ(error_name(error_code(999)), "UNKNOWN_SERVER_ERROR");
  EXPECT_EQ(error_name(error_code(-2)), "UNKNOWN_SERVER_ERROR");
  EXPECT_EQ(error_message(ErrorCode::kNone), "");
  EXPECT_EQ(error_retry(ErrorCode::kNotLeaderOrFollower), Retry::kRefresh);
  EXPECT_EQ(error_retry(ErrorCode::kRequestTimedOut), Retry::kSame);
  EXPECT_EQ(error_retry(ErrorCode::kInvalidRequest), Retry::kNever);
}

}  // namespace
}  // namespace weir::protocol
