// The bytes that members of a classic group send each other through the coordinator (assignor.h).
#include "client/assignor.h"
#include "protocol/messages/consumer_protocol_assignment.h"
#include "protocol/messages/consumer_protocol_subscription.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

namespace weir::client {
namespace {

using protocol::ConsumerProtocolAssignment;
using protocol::ConsumerProtocolSubscription;

// A newer peer's version is read as the newest known one: fields are only ever added at the end.
template <class Message>
Result<Message> decode(ByteView bytes) {
  protocol::Reader reader(bytes);
  const int16_t version = std::min(reader.int16(), Message::kMaxVersion);
  Message message;
  TRY(message.decode(reader, version));
  return message;
}

template <class Message>
ByteVector encode(const Message& message) {
  protocol::Writer writer;
  writer.int16(Message::kMaxVersion);
  const auto encoded = message.encode(writer, Message::kMaxVersion);
  CHECK(encoded.has_value(), "{}", encoded ? "" : encoded.error().message);
  return to_vector(writer.view());
}

template <class Topics>
void add_places(Topics& topics, std::vector<TopicPartition>& sorted) {
  std::ranges::sort(sorted);
  for (const TopicPartition& place : sorted) {
    if (topics.empty() || topics.back().topic != place.topic) topics.push_back({.topic = place.topic});
    topics.back().partitions.push_back(place.partition.value());
  }
}

template <class Topics>
std::vector<TopicPartition> places_of(const Topics& topics) {
  std::vector<TopicPartition> places;
  for (const auto& topic : topics) {
    for (const int32_t partition : topic.partitions) {
      places.push_back({std::string(topic.topic), PartitionIndex(partition)});
    }
  }
  return places;
}

}  // namespace

ByteVector encode_subscription(const MemberSubscription& subscription) {
  std::vector<std::string> topics = subscription.topics;
  std::vector<TopicPartition> owned = subscription.owned;
  std::ranges::sort(topics);
  ConsumerProtocolSubscription message;
  for (const std::string& topic : topics) message.topics.emplace_back(topic);
  add_places(message.owned_partitions, owned);
  message.generation_id = subscription.generation;
  return encode(message);
}

Result<MemberSubscription> decode_subscription(std::string_view member, std::string_view instance, ByteView bytes) {
  TRY_ASSIGN(const auto message, decode<ConsumerProtocolSubscription>(bytes));
  MemberSubscription subscription{
      .member = std::string(member), .instance = std::string(instance), .generation = message.generation_id};
  for (const std::string_view topic : message.topics) subscription.topics.emplace_back(topic);
  subscription.owned = places_of(message.owned_partitions);
  return subscription;
}

ByteVector encode_assignment(const std::vector<TopicPartition>& partitions) {
  std::vector<TopicPartition> sorted = partitions;
  ConsumerProtocolAssignment message;
  add_places(message.assigned_partitions, sorted);
  return encode(message);
}

Result<std::vector<TopicPartition>> decode_assignment(ByteView bytes) {
  if (bytes.empty()) return std::vector<TopicPartition>();
  TRY_ASSIGN(const auto message, decode<ConsumerProtocolAssignment>(bytes));
  return places_of(message.assigned_partitions);
}

}  // namespace weir::client
