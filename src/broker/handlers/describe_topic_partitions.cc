#include "broker/handlers/describe_topic_partitions.h"

#include <algorithm>
#include <set>

#include "broker/config/broker_config.h"
#include "broker/handlers/topic_metadata.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::DescribeTopicPartitionsResponse;
using protocol::ErrorCode;
using Topic = DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic;

// The partitions of `topic` from `first` on, as far as `limit` goes; returns the index after the last one.
size_t add_partitions(const quorum::MetadataImage& image, const quorum::TopicImage& topic, std::string_view listener,
                      size_t first, size_t limit, Topic& out) {
  const size_t end = std::min(topic.partitions.size(), first + limit);
  for (size_t i = first; i < end; ++i) {
    auto& partition = out.partitions.emplace_back();
    fill_partition(image, static_cast<int32_t>(i), *topic.partitions[i], listener, partition);
    partition.eligible_leader_replicas = node_numbers(topic.partitions[i]->elr);
    partition.last_known_elr = node_numbers(topic.partitions[i]->last_known_elr);
  }
  return end;
}

// A cursor stands at a partition of one of the topics that are asked for.
bool is_valid_cursor(const protocol::DescribeTopicPartitionsRequest& request) {
  const auto is_cursors = [&](const auto& topic) { return topic.name == request.cursor->topic_name; };
  return request.cursor->partition_index >= 0 &&
         (request.topics.empty() || std::ranges::any_of(request.topics, is_cursors));
}

// The names to describe, sorted, from the cursor on.
std::set<std::string_view> asked_names(const protocol::DescribeTopicPartitionsRequest& request,
                                       const quorum::MetadataImage& image) {
  std::set<std::string_view> names;
  for (const auto& topic : request.topics) names.insert(topic.name);
  if (request.topics.empty()) {
    for (const auto& [name, topic] : image.topics_by_name) names.insert(name);
  }
  if (request.cursor) names.erase(names.begin(), names.lower_bound(request.cursor->topic_name));
  return names;
}

}  // namespace

Task<Outcome> DescribeTopicPartitionsHandler::handle(RequestContext& context, const Request& request,
                                                     DescribeTopicPartitionsResponse& response) {
  if (request.cursor && !is_valid_cursor(request)) {
    for (const auto& topic : request.topics) {
      response.topics.push_back({.error_code = error_field(ErrorCode::kInvalidRequest), .name = topic.name});
    }
    co_return Outcome::kReply;
  }
  context.image = context.shard.image();
  const quorum::MetadataImage& image = *context.image;
  const int32_t partitions_max = context.shard.node().config.request_partitions_max();
  auto left = static_cast<size_t>(std::clamp(request.response_partition_limit, 1, partitions_max));
  for (const std::string_view name : asked_names(request, image)) {
    const auto topic = image.topic(name);
    if (topic == nullptr) {
      const ErrorCode error =
          is_valid_topic_name(name) ? ErrorCode::kUnknownTopicOrPartition : ErrorCode::kInvalidTopicException;
      response.topics.push_back(
          {.error_code = error_field(error), .name = name, .topic_authorized_operations = kAllTopicOperations});
      continue;
    }
    const bool resumes = request.cursor && request.cursor->topic_name == name;
    const size_t first = resumes ? static_cast<size_t>(request.cursor->partition_index) : 0;
    if (left == 0) {
      response.next_cursor = DescribeTopicPartitionsResponse::Cursor{topic->name, static_cast<int32_t>(first)};
      break;
    }
    Topic& out = response.topics.emplace_back(
        Topic{.name = topic->name, .topic_id = topic->id, .is_internal = is_internal_topic(name)});
    out.topic_authorized_operations = kAllTopicOperations;
    const size_t end = add_partitions(image, *topic, context.connection.listener_name, first, left, out);
    left -= out.partitions.size();
    if (end < topic->partitions.size()) {
      response.next_cursor = DescribeTopicPartitionsResponse::Cursor{topic->name, static_cast<int32_t>(end)};
      break;
    }
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
