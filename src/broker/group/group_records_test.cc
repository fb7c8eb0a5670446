// The records byte by byte, against what Apache Kafka 4.3.1 has written.
#include <gtest/gtest.h>

#include "broker/group/group_world.h"

namespace weir::broker {
namespace {

ByteVector hex(std::string_view text) {
  ByteVector bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return bytes;
}

constexpr std::string_view kOffsetKey = "0001000f672d636c61737369632d72616e67650005706c61696e00000001";
constexpr std::string_view kOffsetValue =
    "000400000000000000040000000001000001a1fbaef13101001016f22ae8d20c4921a000476b8c3ab8bc";
constexpr std::string_view kNewGroupKey = "0002000f672d636c61737369632d72616e6765";
constexpr std::string_view kNewGroupValue = "0003000000000000ffffffff000001a1fbaeeb4100000000";

TEST(GroupRecords, OffsetIsReadAndWrittenAsKafkaDoes) {
  auto parsed = parse_record(hex(kOffsetKey), hex(kOffsetValue));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  const auto& record = std::get<OffsetRecord>(*parsed);
  EXPECT_EQ(record.group_id, "g-classic-range");
  EXPECT_EQ(record.partition, (TopicPartition{"plain", 1}));
  EXPECT_EQ(record.value->offset, Offset(4));
  EXPECT_EQ(record.value->leader_epoch, LeaderEpoch(0));
  EXPECT_EQ(record.value->commit_time, Timestamp(1795223908657));
  EXPECT_EQ(record.value->topic_id.to_string(), "FvIq6NIMSSGgAEdrjDq4vA");
  const CoordinatorRecord written = offset_record(record.group_id, record.partition, *record.value);
  EXPECT_EQ(written.key, hex(kOffsetKey));
  EXPECT_EQ(*written.value, hex(kOffsetValue));
}

TEST(GroupRecords, OffsetOfUnknownTopicIdAndPendingOffsetHaveNoTag) {
  const std::string_view value = "0004000000000000000300000000056d657461000001a1fbaee3c800";
  auto parsed = parse_record(hex("0001000974786e2d67726f75700005706c61696e00000000"), hex(value));
  ASSERT_TRUE(parsed.has_value());
  const auto& record = std::get<OffsetRecord>(*parsed);
  EXPECT_TRUE(record.value->topic_id.is_zero());
  EXPECT_EQ(*offset_record(record.group_id, record.partition, *record.value).value, hex(value));
}

TEST(GroupRecords, OffsetWithATimeOfExpiryIsWrittenInTheOldVersion) {
  const CommittedOffset offset{
      .offset = Offset(4), .metadata = "m", .commit_time = Timestamp(5), .expire_time = Timestamp(6)};
  const CoordinatorRecord written = offset_record("g", {"t", 1}, offset);
  EXPECT_EQ(*written.value, hex("0001000000000000000400016d00000000000000050000000000000006"));
  EXPECT_EQ(*std::get<OffsetRecord>(*parse_record(written.key, ByteView(*written.value))).value, offset);
}

TEST(GroupRecords, LegacyKeyIsAnOffsetToo) {
  auto parsed = parse_record(hex("000000016700017400000001"), std::nullopt);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(std::get<OffsetRecord>(*parsed).partition, (TopicPartition{"t", 1}));
}

TEST(GroupRecords, NewGroupIsWrittenAsKafkaDoes) {
  GroupWorld world;
  world.now.wall = Timestamp(1795223907137);
  world.join({.group = "g-classic-range"});
  ASSERT_EQ(world.log.size(), 1U);
  EXPECT_EQ(world.log[0].record.key, hex(kNewGroupKey));
  EXPECT_EQ(*world.log[0].record.value, hex(kNewGroupValue));
}

TEST(GroupRecords, GroupWithMembersIsReadAndWrittenAsKafkaDoes) {
  const std::string_view key = "00020005672d64796e";
  const std::string_view value =
      "00030008636f6e73756d657200000001000572616e67650035636f6e73756d65722d672d64796e2d312d3235623831376437"
      "2d363839322d343736342d613335372d333337373933666333363763000001a1fbaf20a3000000010035636f6e73756d6572"
      "2d672d64796e2d312d32356238313764372d363839322d343736342d613335372d333337373933666333363763ffff001063"
      "6f6e73756d65722d672d64796e2d31000a2f3132372e302e302e31000493e00000afc80000001a00030000000100046e6f6e"
      "65ffffffff00000000ffffffffffff0000001800030000000100046e6f6e650000000100000000ffffffff";
  GroupWorld world;
  const ByteVector bytes = hex(value);
  world.coordinator.on_record(Offset(3), kNoProducerId, hex(key), ByteView(bytes));
  ASSERT_TRUE(world.coordinator.load_status().has_value());
  const ClassicGroup* group = world.coordinator.find_group("g-dyn");
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(group->state(), GroupState::kStable);
  EXPECT_EQ(group->generation(), 1);
  EXPECT_EQ(group->protocol_name(), "range");
  EXPECT_EQ(group->members().at(0)->client_id, "consumer-g-dyn-1");
  EXPECT_TRUE(group->is_subscribed("none"));
  const CoordinatorRecord written = group_record(*group, nullptr);
  EXPECT_EQ(written.key, hex(key));
  EXPECT_EQ(*written.value, bytes);
}

TEST(GroupRecords, UnknownTypesAreLeftAloneAndNewerKindsOfGroupsAreKnownByName) {
  EXPECT_TRUE(std::holds_alternative<OtherRecord>(*parse_record(hex("7fff0001"), hex("0000"))));
  EXPECT_TRUE(std::holds_alternative<OtherRecord>(*parse_record(hex("000a00016700016d"), std::nullopt)));
  GroupWorld world;
  GroupCoordinator& coordinator = world.coordinator;
  const ByteVector value = hex("000000000002010008e6eeac45f7807a72");
  coordinator.on_record(Offset(0), kNoProducerId, hex("000b00057368617265"), ByteView(value));
  const CoordinatorRecord offset = offset_record("share", {"orders", 0}, {.offset = Offset(5)});
  coordinator.on_record(Offset(1), kNoProducerId, offset.key, ByteView(*offset.value));
  auto list = coordinator.list_groups({});
  ASSERT_EQ(list.message.groups.size(), 1U);
  EXPECT_EQ(list.message.groups[0].group_type, "share");
  EXPECT_EQ(world.join_error(world.join({.group = "share"})), protocol::ErrorCode::kInconsistentGroupProtocol);
  EXPECT_EQ(world.heartbeat("share", {"m", 1}), protocol::ErrorCode::kUnknownMemberId);
  EXPECT_EQ(world.fetch("share", {"orders", 0}), 5);
  world.advance(seconds(30LL * 24 * 3600));  // its offsets are not ours to expire
  EXPECT_EQ(world.fetch("share", {"orders", 0}), 5);
  EXPECT_TRUE(world.log.empty());
  EXPECT_EQ(coordinator.describe_group({6, "c", "/h"}, "share").message.error_message,
            "Group share is not a classic group.");
  coordinator.on_record(Offset(2), kNoProducerId, hex("000b00057368617265"), std::nullopt);
  EXPECT_EQ(coordinator.list_groups({}).message.groups.at(0).group_type, "classic");
}

TEST(GroupRecords, DamagedOrTooNewRecordStopsTheLoad) {
  for (const std::string_view value : {"0004000000", "0063000000000000000400", "00"}) {
    GroupWorld world;
    const ByteVector bytes = hex(value);
    world.coordinator.on_record(Offset(8), kNoProducerId, hex(kOffsetKey), ByteView(bytes));
    ASSERT_FALSE(world.coordinator.load_status().has_value()) << value;
    EXPECT_TRUE(world.coordinator.load_status().error().message.starts_with("record at offset 8: "));
  }
}

}  // namespace
}  // namespace weir::broker
