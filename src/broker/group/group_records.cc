#include "broker/group/group_records.h"

#include <fmt/format.h>

#include "broker/group/record_bytes.h"
#include "protocol/messages/group_metadata_key.h"
#include "protocol/messages/offset_commit_key.h"
#include "protocol/messages/offset_commit_value.h"
#include "protocol/messages/share_group_metadata_key.h"
#include "protocol/messages/streams_group_metadata_key.h"

namespace weir::broker {
namespace {

constexpr int16_t kLegacyOffsetKeyType = 0;
// Version 1 is the last that can carry the time of expiry.
constexpr int16_t kExpiringOffsetVersion = 1;
constexpr int16_t kOffsetVersion = 4;
constexpr int16_t kGroupVersion = 3;

ByteVector offset_key(std::string_view group_id, const TopicPartition& partition) {
  protocol::OffsetCommitKey key;
  key.group = group_id;
  key.topic = partition.topic;
  key.partition = partition.partition;
  return encode_key(key);
}

ByteVector group_key(std::string_view group_id) {
  protocol::GroupMetadataKey key;
  key.group = group_id;
  return encode_key(key);
}

Result<ParsedRecord> parse_offset(protocol::Reader& in, std::optional<ByteView> bytes) {
  protocol::OffsetCommitKey key;
  TRY(key.decode(in, 0));
  OffsetRecord record{std::string(key.group), {std::string(key.topic), key.partition}, std::nullopt};
  if (bytes) {
    TRY_ASSIGN(auto value, decode_value<protocol::OffsetCommitValue>(*bytes));
    record.value = CommittedOffset{.offset = Offset(value.offset),
                                   .leader_epoch = LeaderEpoch(value.leader_epoch),
                                   .metadata = std::string(value.metadata),
                                   .commit_time = Timestamp(value.commit_timestamp),
                                   .expire_time = Timestamp(value.expire_timestamp),
                                   .topic_id = value.topic_id};
  }
  return record;
}

Result<ParsedRecord> parse_group(protocol::Reader& in, std::optional<ByteView> bytes) {
  protocol::GroupMetadataKey key;
  TRY(key.decode(in, 0));
  GroupRecord record{std::string(key.group), std::nullopt};
  if (bytes) {
    TRY_ASSIGN(record.value, decode_value<protocol::GroupMetadataValue>(*bytes));
  }
  return record;
}

template <class Key>
Result<ParsedRecord> parse_foreign(protocol::Reader& in, bool exists, std::string_view type,
                                   std::string_view protocol_type) {
  Key key;
  TRY(key.decode(in, 0));
  return ForeignGroupRecord{std::string(key.group_id), type, protocol_type, exists};
}

}  // namespace

CoordinatorRecord offset_record(std::string_view group_id, const TopicPartition& partition,
                                const CommittedOffset& offset) {
  protocol::OffsetCommitValue value;
  value.offset = offset.offset.value();
  value.metadata = offset.metadata;
  value.commit_timestamp = offset.commit_time.value();
  value.expire_timestamp = offset.expire_time.value();
  const bool expiring = offset.expire_time != kNoTimestamp;
  // The old version has no room for these; Kafka drops them as well.
  if (!expiring) {
    value.leader_epoch = offset.leader_epoch.value();
    value.topic_id = offset.topic_id;
  }
  const int16_t version = expiring ? kExpiringOffsetVersion : kOffsetVersion;
  return {offset_key(group_id, partition), encode_prefixed(version, value, version)};
}

CoordinatorRecord offset_tombstone(std::string_view group_id, const TopicPartition& partition) {
  return {offset_key(group_id, partition), std::nullopt};
}

CoordinatorRecord group_record(const ClassicGroup& group, const std::map<std::string, ByteVector>* assignments) {
  protocol::GroupMetadataValue value;
  value.protocol_type = group.protocol_type() ? std::string_view(*group.protocol_type()) : std::string_view();
  value.generation = group.generation();
  value.protocol = group.protocol_name();
  value.leader = group.leader();
  value.current_state_timestamp = group.state_since().value_or(kNoTimestamp).value();
  const std::string protocol = group.protocol_name().value_or("");
  for (const auto& member : group.members()) {
    protocol::GroupMetadataValue::MemberMetadata m;
    m.member_id = member->id;
    m.group_instance_id = member->instance_id;
    m.client_id = member->client_id;
    m.client_host = member->client_host;
    m.rebalance_timeout = member->rebalance_timeout_ms;
    m.session_timeout = member->session_timeout_ms;
    m.subscription = member->metadata(protocol);
    m.assignment = member->assignment;
    if (assignments != nullptr) {
      const auto it = assignments->find(member->id);
      m.assignment = it == assignments->end() ? ByteView() : ByteView(it->second);
    }
    value.members.push_back(m);
  }
  return {group_key(group.id()), encode_prefixed(kGroupVersion, value, kGroupVersion)};
}

CoordinatorRecord new_group_record(const ClassicGroup& group) {
  protocol::GroupMetadataValue value;
  value.protocol.reset();
  value.leader.reset();
  value.current_state_timestamp = group.state_since().value_or(kNoTimestamp).value();
  return {group_key(group.id()), encode_prefixed(kGroupVersion, value, kGroupVersion)};
}

CoordinatorRecord group_tombstone(std::string_view group_id) { return {group_key(group_id), std::nullopt}; }

Result<ParsedRecord> parse_record(ByteView key, std::optional<ByteView> value) {
  protocol::Reader in(key);
  const int16_t type = in.int16();
  TRY(in.status("key of a coordinator record", 0));
  if (is_consumer_record(type)) {
    TRY_ASSIGN(ConsumerRecord record, parse_consumer_record(type, key.subspan(sizeof type), value));
    return record;
  }
  switch (type) {
    case kLegacyOffsetKeyType:
    case protocol::OffsetCommitKey::kRecordType:
      return parse_offset(in, value);
    case protocol::GroupMetadataKey::kRecordType:
      return parse_group(in, value);
    case protocol::ShareGroupMetadataKey::kRecordType:
      return parse_foreign<protocol::ShareGroupMetadataKey>(in, value.has_value(), "share", "share");
    case protocol::StreamsGroupMetadataKey::kRecordType:
      return parse_foreign<protocol::StreamsGroupMetadataKey>(in, value.has_value(), "streams", "streams");
    default:
      return OtherRecord{};
  }
}

}  // namespace weir::broker
