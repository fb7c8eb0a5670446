#include "broker/group/embedded_protocol.h"

#include <algorithm>

#include "broker/group/record_bytes.h"
#include "protocol/messages/consumer_protocol_assignment.h"
#include "protocol/messages/consumer_protocol_subscription.h"

namespace weir::broker {
namespace {

// A newer version only adds fields behind the known ones.
template <class Message>
Result<Message> decode(ByteView bytes) {
  protocol::Reader in(bytes);
  const int16_t version = std::min(in.int16(), Message::kMaxVersion);
  TRY(in.status(Message::kName, 0));
  if (version < 0) return fail(Errc::kCorrupt, "a negative version of an embedded message");
  Message message;
  TRY(message.decode(in, version));
  return message;
}

}  // namespace

Result<EmbeddedSubscription> parse_embedded_subscription(ByteView metadata) {
  TRY_ASSIGN(const auto message, decode<protocol::ConsumerProtocolSubscription>(metadata));
  EmbeddedSubscription subscription;
  subscription.topics.insert(message.topics.begin(), message.topics.end());
  for (const auto& topic : message.owned_partitions) {
    for (const int32_t partition : topic.partitions)
      subscription.owned.push_back({std::string(topic.topic), partition});
  }
  if (message.rack_id && !message.rack_id->empty()) subscription.rack_id = std::string(*message.rack_id);
  return subscription;
}

Result<EmbeddedAssignment> parse_embedded_assignment(ByteView bytes) {
  TRY_ASSIGN(const auto message, decode<protocol::ConsumerProtocolAssignment>(bytes));
  EmbeddedAssignment assignment;
  for (const auto& topic : message.assigned_partitions) {
    for (const int32_t partition : topic.partitions)
      assignment.partitions.push_back({std::string(topic.topic), partition});
  }
  assignment.has_user_data = message.user_data && !message.user_data->empty();
  return assignment;
}

ByteVector encode_embedded_assignment(const PartitionSets& partitions, const TopicCatalog& topics, ByteView metadata) {
  protocol::Reader in(metadata);
  const int16_t version = std::clamp<int16_t>(in.int16(), 0, protocol::ConsumerProtocolAssignment::kMaxVersion);
  std::vector<std::pair<std::string, std::vector<int32_t>>> named;
  for (const auto& [id, indexes] : partitions) {
    if (auto name = topics.name_of(id))
      named.emplace_back(*std::move(name), std::vector(indexes.begin(), indexes.end()));
  }
  protocol::ConsumerProtocolAssignment assignment;
  for (auto& [name, indexes] : named) assignment.assigned_partitions.push_back({name, std::move(indexes)});
  assignment.user_data.reset();
  return encode_prefixed(version, assignment, version);
}

PartitionSets with_ids(const std::vector<TopicPartition>& partitions, const TopicCatalog& topics) {
  PartitionSets sets;
  for (const TopicPartition& partition : partitions) {
    if (const Uuid id = topics.id_of(partition.topic); !id.is_zero()) sets[id].insert(partition.partition);
  }
  return sets;
}

}  // namespace weir::broker
