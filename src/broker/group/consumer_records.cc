#include "broker/group/consumer_records.h"

#include <algorithm>

#include "broker/group/record_bytes.h"
#include "protocol/messages/consumer_group_current_member_assignment_key.h"
#include "protocol/messages/consumer_group_current_member_assignment_value.h"
#include "protocol/messages/consumer_group_member_metadata_key.h"
#include "protocol/messages/consumer_group_member_metadata_value.h"
#include "protocol/messages/consumer_group_metadata_key.h"
#include "protocol/messages/consumer_group_metadata_value.h"
#include "protocol/messages/consumer_group_partition_metadata_key.h"
#include "protocol/messages/consumer_group_regular_expression_key.h"
#include "protocol/messages/consumer_group_regular_expression_value.h"
#include "protocol/messages/consumer_group_target_assignment_member_key.h"
#include "protocol/messages/consumer_group_target_assignment_member_value.h"
#include "protocol/messages/consumer_group_target_assignment_metadata_key.h"
#include "protocol/messages/consumer_group_target_assignment_metadata_value.h"

namespace weir::broker {
namespace {

using namespace protocol;

template <class Key>
Key group_key(std::string_view group_id) {
  Key key;
  key.group_id = group_id;
  return key;
}

template <class Key>
Key member_key(std::string_view group_id, std::string_view member_id) {
  Key key = group_key<Key>(group_id);
  key.member_id = member_id;
  return key;
}

std::optional<std::string> to_string(const std::optional<std::string_view>& text) {
  if (!text) return std::nullopt;
  return std::string(*text);
}

// Encoding.

template <class Key, class Value>
CoordinatorRecord record_of(const Key& key, const std::optional<Value>& value) {
  if (!value) return {encode_key(key), std::nullopt};
  return {encode_key(key), encode_prefixed(0, *value, 0)};
}

CoordinatorRecord encode_one(const ConsumerEpochRecord& record) {
  std::optional<ConsumerGroupMetadataValue> value;
  if (record.value) {
    value.emplace();
    value->epoch = record.value->epoch;
    value->metadata_hash = record.value->metadata_hash;
  }
  return record_of(group_key<ConsumerGroupMetadataKey>(record.group_id), value);
}

CoordinatorRecord encode_one(const ConsumerPartitionMetadataRecord& record) {
  CHECK(!record.exists, "group {}: the topics of a group are not written any more", record.group_id);
  return {encode_key(group_key<ConsumerGroupPartitionMetadataKey>(record.group_id)), std::nullopt};
}

CoordinatorRecord encode_one(const ConsumerMemberRecord& record) {
  std::optional<ConsumerGroupMemberMetadataValue> value;
  if (record.value) {
    const ConsumerSubscription& from = *record.value;
    value.emplace();
    value->instance_id = from.instance_id;
    value->rack_id = from.rack_id;
    value->client_id = from.client_id;
    value->client_host = from.client_host;
    value->subscribed_topic_names.assign(from.topics.begin(), from.topics.end());
    value->subscribed_topic_regex = from.topic_regex;
    value->rebalance_timeout_ms = from.rebalance_timeout_ms;
    value->server_assignor = from.server_assignor;
    value->classic_member_metadata.reset();
    if (from.classic) {
      auto& classic = value->classic_member_metadata.emplace();
      classic.session_timeout_ms = from.classic->session_timeout_ms;
      for (const auto& protocol : from.classic->protocols)
        classic.supported_protocols.push_back({protocol.name, protocol.metadata});
    }
  }
  return record_of(member_key<ConsumerGroupMemberMetadataKey>(record.group_id, record.member_id), value);
}

CoordinatorRecord encode_one(const ConsumerAssignmentRecord& record) {
  std::optional<ConsumerGroupTargetAssignmentMetadataValue> value;
  if (record.value) {
    value.emplace();
    value->assignment_epoch = record.value->epoch;
    value->assignment_timestamp = record.value->time.value();
  }
  return record_of(group_key<ConsumerGroupTargetAssignmentMetadataKey>(record.group_id), value);
}

CoordinatorRecord encode_one(const ConsumerTargetRecord& record) {
  std::optional<ConsumerGroupTargetAssignmentMemberValue> value;
  if (record.value) {
    value.emplace();
    for (const auto& [topic, partitions] : *record.value)
      value->topic_partitions.push_back({topic, {partitions.begin(), partitions.end()}});
  }
  return record_of(member_key<ConsumerGroupTargetAssignmentMemberKey>(record.group_id, record.member_id), value);
}

using TopicPartitions = ConsumerGroupCurrentMemberAssignmentValue::TopicPartitions;

std::vector<TopicPartitions> to_message(const PartitionEpochs& partitions) {
  std::vector<TopicPartitions> topics;
  for (const auto& [topic, epochs] : partitions) {
    TopicPartitions& out = topics.emplace_back();
    out.topic_id = topic;
    for (const auto& [partition, epoch] : epochs) {
      out.partitions.push_back(partition);
      out.assignment_epochs->push_back(epoch);
    }
  }
  return topics;
}

CoordinatorRecord encode_one(const ConsumerProgressRecord& record) {
  std::optional<ConsumerGroupCurrentMemberAssignmentValue> value;
  if (record.value) {
    value.emplace();
    value->member_epoch = record.value->epoch;
    value->previous_member_epoch = record.value->previous_epoch;
    value->state = static_cast<int8_t>(record.value->state);
    value->assigned_partitions = to_message(record.value->assigned);
    value->partitions_pending_revocation = to_message(record.value->to_revoke);
  }
  return record_of(member_key<ConsumerGroupCurrentMemberAssignmentKey>(record.group_id, record.member_id), value);
}

CoordinatorRecord encode_one(const ConsumerRegexRecord& record) {
  auto key = group_key<ConsumerGroupRegularExpressionKey>(record.group_id);
  key.regular_expression = record.regex;
  std::optional<ConsumerGroupRegularExpressionValue> value;
  if (record.value) {
    value.emplace();
    value->topics.assign(record.value->topics.begin(), record.value->topics.end());
    value->version = record.value->version;
    value->timestamp = record.value->time.value();
  }
  return record_of(key, value);
}

// Decoding.

template <class Key>
Result<Key> decode_key(ByteView bytes) {
  Reader in(bytes);
  Key key;
  TRY(key.decode(in, 0));
  return key;
}

Result<ConsumerRecord> parse_epoch(ByteView key_bytes, std::optional<ByteView> bytes) {
  TRY_ASSIGN(const auto key, decode_key<ConsumerGroupMetadataKey>(key_bytes));
  ConsumerEpochRecord record{std::string(key.group_id), std::nullopt};
  if (bytes) {
    TRY_ASSIGN(const auto value, decode_value<ConsumerGroupMetadataValue>(*bytes));
    record.value = {value.epoch, value.metadata_hash};
  }
  return record;
}

Result<ConsumerRecord> parse_partition_metadata(ByteView key_bytes, std::optional<ByteView> bytes) {
  TRY_ASSIGN(const auto key, decode_key<ConsumerGroupPartitionMetadataKey>(key_bytes));
  return ConsumerPartitionMetadataRecord{std::string(key.group_id), bytes.has_value()};
}

Result<ConsumerRecord> parse_member(ByteView key_bytes, std::optional<ByteView> bytes) {
  TRY_ASSIGN(const auto key, decode_key<ConsumerGroupMemberMetadataKey>(key_bytes));
  ConsumerMemberRecord record{std::string(key.group_id), std::string(key.member_id), std::nullopt};
  if (!bytes) return record;
  TRY_ASSIGN(const auto value, decode_value<ConsumerGroupMemberMetadataValue>(*bytes));
  ConsumerSubscription& to = record.value.emplace();
  to.instance_id = to_string(value.instance_id);
  to.rack_id = to_string(value.rack_id);
  to.client_id = value.client_id;
  to.client_host = value.client_host;
  to.topics.insert(value.subscribed_topic_names.begin(), value.subscribed_topic_names.end());
  to.topic_regex = to_string(value.subscribed_topic_regex);
  to.rebalance_timeout_ms = value.rebalance_timeout_ms;
  to.server_assignor = to_string(value.server_assignor);
  if (value.classic_member_metadata) {
    to.classic.emplace().session_timeout_ms = value.classic_member_metadata->session_timeout_ms;
    for (const auto& protocol : value.classic_member_metadata->supported_protocols)
      to.classic->protocols.push_back({std::string(protocol.name), to_vector(protocol.metadata)});
  }
  return record;
}

Result<ConsumerRecord> parse_assignment(ByteView key_bytes, std::optional<ByteView> bytes) {
  TRY_ASSIGN(const auto key, decode_key<ConsumerGroupTargetAssignmentMetadataKey>(key_bytes));
  ConsumerAssignmentRecord record{std::string(key.group_id), std::nullopt};
  if (bytes) {
    TRY_ASSIGN(const auto value, decode_value<ConsumerGroupTargetAssignmentMetadataValue>(*bytes));
    record.value = {value.assignment_epoch, Timestamp(value.assignment_timestamp)};
  }
  return record;
}

Result<ConsumerRecord> parse_target(ByteView key_bytes, std::optional<ByteView> bytes) {
  TRY_ASSIGN(const auto key, decode_key<ConsumerGroupTargetAssignmentMemberKey>(key_bytes));
  ConsumerTargetRecord record{std::string(key.group_id), std::string(key.member_id), std::nullopt};
  if (bytes) {
    TRY_ASSIGN(const auto value, decode_value<ConsumerGroupTargetAssignmentMemberValue>(*bytes));
    PartitionSets& target = record.value.emplace();
    for (const auto& topic : value.topic_partitions)
      target[topic.topic_id].insert(topic.partitions.begin(), topic.partitions.end());
  }
  return record;
}

// Versions before 4.2 wrote no epochs of the partitions: they count as given in the member's.
PartitionEpochs from_message(const std::vector<TopicPartitions>& topics, int32_t member_epoch) {
  PartitionEpochs partitions;
  for (const TopicPartitions& topic : topics) {
    const bool has_epochs = topic.assignment_epochs && topic.assignment_epochs->size() == topic.partitions.size();
    auto& epochs = partitions[topic.topic_id];
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
      const int32_t epoch = has_epochs ? (*topic.assignment_epochs)[i] : std::max(member_epoch, 0);
      epochs.insert_or_assign(topic.partitions[i], epoch);
    }
  }
  return partitions;
}

ConsumerMemberState to_state(int8_t number) {
  const bool known = number >= 0 && number <= static_cast<int8_t>(ConsumerMemberState::kUnreleasedPartitions);
  return known ? static_cast<ConsumerMemberState>(number) : ConsumerMemberState::kUnknown;
}

Result<ConsumerRecord> parse_progress(ByteView key_bytes, std::optional<ByteView> bytes) {
  TRY_ASSIGN(const auto key, decode_key<ConsumerGroupCurrentMemberAssignmentKey>(key_bytes));
  ConsumerProgressRecord record{std::string(key.group_id), std::string(key.member_id), std::nullopt};
  if (bytes) {
    TRY_ASSIGN(const auto value, decode_value<ConsumerGroupCurrentMemberAssignmentValue>(*bytes));
    record.value = {.epoch = value.member_epoch,
                    .previous_epoch = value.previous_member_epoch,
                    .state = to_state(value.state),
                    .assigned = from_message(value.assigned_partitions, value.member_epoch),
                    .to_revoke = from_message(value.partitions_pending_revocation, value.member_epoch)};
  }
  return record;
}

Result<ConsumerRecord> parse_regex(ByteView key_bytes, std::optional<ByteView> bytes) {
  TRY_ASSIGN(const auto key, decode_key<ConsumerGroupRegularExpressionKey>(key_bytes));
  ConsumerRegexRecord record{std::string(key.group_id), std::string(key.regular_expression), std::nullopt};
  if (bytes) {
    TRY_ASSIGN(const auto value, decode_value<ConsumerGroupRegularExpressionValue>(*bytes));
    ResolvedRegex& resolved = record.value.emplace();
    resolved.topics.insert(value.topics.begin(), value.topics.end());
    resolved.version = value.version;
    resolved.time = Timestamp(value.timestamp);
  }
  return record;
}

}  // namespace

const std::string& group_id_of(const ConsumerRecord& record) {
  return std::visit([](const auto& r) -> const std::string& { return r.group_id; }, record);
}

CoordinatorRecord encode_record(const ConsumerRecord& record) {
  return std::visit([](const auto& r) { return encode_one(r); }, record);
}

bool is_consumer_record(int16_t type) {
  constexpr int16_t kFirst = ConsumerGroupMetadataKey::kRecordType;
  constexpr int16_t kLast = ConsumerGroupCurrentMemberAssignmentKey::kRecordType;
  return (type >= kFirst && type <= kLast) || type == ConsumerGroupRegularExpressionKey::kRecordType;
}

Result<ConsumerRecord> parse_consumer_record(int16_t type, ByteView key, std::optional<ByteView> value) {
  switch (type) {
    case ConsumerGroupMetadataKey::kRecordType:
      return parse_epoch(key, value);
    case ConsumerGroupPartitionMetadataKey::kRecordType:
      return parse_partition_metadata(key, value);
    case ConsumerGroupMemberMetadataKey::kRecordType:
      return parse_member(key, value);
    case ConsumerGroupTargetAssignmentMetadataKey::kRecordType:
      return parse_assignment(key, value);
    case ConsumerGroupTargetAssignmentMemberKey::kRecordType:
      return parse_target(key, value);
    case ConsumerGroupCurrentMemberAssignmentKey::kRecordType:
      return parse_progress(key, value);
    default:
      CHECK(type == ConsumerGroupRegularExpressionKey::kRecordType, "record type {}", type);
      return parse_regex(key, value);
  }
}

}  // namespace weir::broker
