// Topics, configurations and the cluster: what any broker answers or hands on to the controller.
#include "weir/admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "client/cluster.h"
#include "client/offsets.h"
#include "protocol/messages/create_partitions_request.h"
#include "protocol/messages/create_partitions_response.h"
#include "protocol/messages/create_topics_request.h"
#include "protocol/messages/create_topics_response.h"
#include "protocol/messages/delete_records_request.h"
#include "protocol/messages/delete_records_response.h"
#include "protocol/messages/delete_topics_request.h"
#include "protocol/messages/delete_topics_response.h"
#include "protocol/messages/describe_configs_request.h"
#include "protocol/messages/describe_configs_response.h"
#include "protocol/messages/incremental_alter_configs_request.h"
#include "protocol/messages/incremental_alter_configs_response.h"
#include "protocol/messages/metadata_request.h"
#include "protocol/messages/metadata_response.h"

namespace weir::client {
namespace {

using protocol::ErrorCode;

// From these versions on an empty list of topics means none, and -1 means the broker's default.
constexpr int16_t kMetadataFirstWithChoice = 4;
constexpr int16_t kCreateTopicsFirstWithDefaults = 4;
constexpr int16_t kDeleteTopicsLastWithNames = 5;
constexpr int8_t kOperationSet = 0;
constexpr int8_t kOperationDelete = 1;

int32_t in_ms(Duration duration) { return static_cast<int32_t>(duration / milliseconds(1)); }

// Nothing was done, and the same may work in a moment.
bool is_passing(ErrorCode error) {
  return error == ErrorCode::kNotController || error == ErrorCode::kThrottlingQuotaExceeded ||
         error == ErrorCode::kCoordinatorLoadInProgress || error == ErrorCode::kNetworkException;
}

// Sends to any broker until the answer's items, whose codes `codes_of` lists, have nothing passing.
template <class Request, class CodesOf>
Task<Result<Reply<typename Request::Response>>> call(Cluster& cluster, const Request& request, CodesOf codes_of,
                                                     int16_t version_needed = Request::kMinVersion) {
  const MonotonicTime deadline = cluster.api_deadline();
  Backoff backoff = cluster.retry_backoff();
  for (;;) {
    CO_TRY_ASSIGN(auto reply, co_await cluster.call_any(request, deadline, version_needed));
    const std::vector<int16_t> codes = codes_of(reply.message);
    const bool passing = !codes.empty() && std::ranges::all_of(codes, [](int16_t code) {
      return is_passing(protocol::error_code(code));
    });
    if (!passing || !co_await cluster.pause(backoff, deadline)) co_return reply;
  }
}

// As call(), but settings and log levels of one broker are that broker's own to tell and to change.
template <class Request, class CodesOf>
Task<Result<Reply<typename Request::Response>>> call_for(Cluster& cluster, const ConfigResource& resource,
                                                         const Request& request, CodesOf codes_of) {
  const bool of_one_broker = (resource.type == ConfigResourceType::kBroker && !resource.name.empty()) ||
                             resource.type == ConfigResourceType::kBrokerLogger;
  if (!of_one_broker) co_return co_await call(cluster, request, codes_of);
  int32_t id = 0;
  const char* end = resource.name.data() + resource.name.size();
  if (std::from_chars(resource.name.data(), end, id).ptr != end || resource.name.empty())
    co_return fail(Errc::kInvalidArgument, "broker " + resource.name + ": a broker is named by its number");
  CO_TRY(co_await cluster.refresh(cluster.api_deadline()));
  const auto connection = cluster.broker(NodeId(id));
  if (connection == nullptr) co_return fail(Errc::kNotFound, "broker " + resource.name + ": there is none");
  co_return co_await connection->call(request, cluster.api_deadline());
}

template <class Items>
std::vector<int16_t> codes(const Items& items) {
  std::vector<int16_t> result;
  for (const auto& item : items) result.push_back(item.error_code);
  return result;
}

TopicDescription describe(const protocol::MetadataResponse::MetadataResponseTopic& topic) {
  TopicDescription result{
      .name = std::string(topic.name.value_or("")), .id = topic.topic_id, .internal = topic.is_internal};
  for (const auto& partition : topic.partitions) {
    PartitionDescription one{.index = PartitionIndex(partition.partition_index),
                             .leader = NodeId(partition.leader_id),
                             .leader_epoch = LeaderEpoch(partition.leader_epoch)};
    for (const int32_t node : partition.replica_nodes) one.replicas.emplace_back(node);
    for (const int32_t node : partition.isr_nodes) one.in_sync.emplace_back(node);
    result.partitions.push_back(std::move(one));
  }
  std::ranges::sort(result.partitions, {}, &PartitionDescription::index);
  return result;
}

std::string source_name(int8_t source) {
  switch (source) {
    case 1:
      return "topic";
    case 2:
      return "broker";
    case 3:
      return "cluster";
    case 4:
      return "file";
    case 5:
      return "default";
    case 6:
      return "logger";
    case 7:
      return "client-metrics";
    case 8:
      return "group";
    default:
      return "unknown";
  }
}

}  // namespace

Admin::Admin(const Client& client) : cluster_(client.cluster()) {}

Task<Result<ClusterDescription>> Admin::describe_cluster() {
  protocol::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_->call_any(request, cluster_->api_deadline(), kMetadataFirstWithChoice));
  ClusterDescription cluster{.cluster_id = std::string(reply.message.cluster_id.value_or("")),
                             .controller = NodeId(reply.message.controller_id)};
  for (const auto& broker : reply.message.brokers) {
    cluster.brokers.push_back({NodeId(broker.node_id),
                               {std::string(broker.host), static_cast<uint16_t>(broker.port)},
                               std::string(broker.rack.value_or(""))});
  }
  std::ranges::sort(cluster.brokers, {}, &NodeDescription::id);
  co_return cluster;
}

Task<Result<std::vector<TopicDescription>>> Admin::list_topics() {
  protocol::MetadataRequest request;
  request.topics.reset();
  request.allow_auto_topic_creation = false;
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_->call_any(request, cluster_->api_deadline(), kMetadataFirstWithChoice));
  std::vector<TopicDescription> topics;
  for (const auto& topic : reply.message.topics) topics.push_back(describe(topic));
  std::ranges::sort(topics, {}, &TopicDescription::name);
  co_return topics;
}

Task<Result<std::vector<Outcome<TopicDescription>>>> Admin::describe_topics(std::vector<std::string> names) {
  protocol::MetadataRequest request;
  request.topics.emplace();
  for (const std::string& name : names) request.topics->push_back({.name = name});
  request.allow_auto_topic_creation = false;
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_->call_any(request, cluster_->api_deadline(), kMetadataFirstWithChoice));
  std::vector<Outcome<TopicDescription>> outcomes;
  for (const std::string& name : names) {
    Outcome<TopicDescription> outcome{name, fail(Errc::kNotFound, "topic " + name + ": the broker did not say")};
    for (const auto& topic : reply.message.topics) {
      if (topic.name != name) continue;
      const auto error = protocol::error_code(topic.error_code);
      if (error == ErrorCode::kNone || error == ErrorCode::kLeaderNotAvailable) {
        outcome.result = describe(topic);
      } else {
        outcome.result = std::unexpected(to_error(error, "topic " + name));
      }
    }
    outcomes.push_back(std::move(outcome));
  }
  co_return outcomes;
}

Task<Result<std::vector<Outcome<>>>> Admin::create_topics(std::vector<NewTopic> topics, bool validate_only) {
  protocol::CreateTopicsRequest request;
  request.timeout_ms = in_ms(cluster_->options().request_timeout);
  request.validate_only = validate_only;
  for (const NewTopic& topic : topics) {
    protocol::CreateTopicsRequest::CreatableTopic wanted{
        .name = topic.name, .num_partitions = topic.partitions, .replication_factor = topic.replication_factor};
    for (const auto& [key, value] : topic.configs) wanted.configs.push_back({.name = key, .value = value});
    request.topics.push_back(std::move(wanted));
  }
  CO_TRY_ASSIGN(const auto reply, co_await call(
                                      *cluster_, request, [](const auto& answer) { return codes(answer.topics); },
                                      kCreateTopicsFirstWithDefaults));
  std::vector<Outcome<>> outcomes;
  for (const auto& topic : reply.message.topics) {
    const std::string name(topic.name);
    outcomes.push_back({name, to_result(topic.error_code, "topic " + name, topic.error_message)});
  }
  co_return outcomes;
}

Task<Result<std::vector<Outcome<>>>> Admin::delete_topics(std::vector<std::string> names) {
  protocol::DeleteTopicsRequest request;
  request.timeout_ms = in_ms(cluster_->options().request_timeout);
  for (const std::string& name : names) request.topics.push_back({.name = name});
  CO_TRY_ASSIGN(const auto reply, co_await call(
                                      *cluster_, request, [](const auto& answer) { return codes(answer.responses); },
                                      kDeleteTopicsLastWithNames + 1));
  std::vector<Outcome<>> outcomes;
  for (const auto& topic : reply.message.responses) {
    const std::string name(topic.name.value_or(""));
    outcomes.push_back({name, to_result(topic.error_code, "topic " + name, topic.error_message)});
  }
  co_return outcomes;
}

Task<Result<>> Admin::create_partitions(std::string topic, int32_t total) {
  protocol::CreatePartitionsRequest request;
  request.timeout_ms = in_ms(cluster_->options().request_timeout);
  request.topics.push_back({.name = topic, .count = total, .assignments = std::nullopt});
  CO_TRY_ASSIGN(const auto reply,
                co_await call(*cluster_, request, [](const auto& answer) { return codes(answer.results); }));
  if (reply.message.results.empty()) co_return fail(Errc::kCorrupt, "topic " + topic + ": the answer is empty");
  const auto& result = reply.message.results.front();
  co_return to_result(result.error_code, "topic " + topic, result.error_message);
}

Task<Result<std::vector<Outcome<Offset>>>> Admin::delete_records(std::map<TopicPartition, Offset> before) {
  std::map<NodeId, std::vector<TopicPartition>> by_leader;
  std::vector<Outcome<Offset>> outcomes;
  for (const auto& [place, offset] : before) {
    auto topic = co_await cluster_->topic(place.topic, cluster_->api_deadline());
    const PartitionInfo* partition = cluster_->metadata().partition(place);
    if (topic && partition != nullptr && cluster_->broker(partition->leader)) {
      by_leader[partition->leader].push_back(place);
    } else if (!topic) {
      outcomes.push_back({place.to_string(), std::unexpected(topic.error())});
    } else {
      outcomes.push_back({place.to_string(), fail(partition == nullptr ? Errc::kNotFound : Errc::kUnavailable,
                                                  place.to_string() + (partition == nullptr ? ": no such partition"
                                                                                            : ": it has no leader"))});
    }
  }
  for (const auto& [leader, places] : by_leader) {
    protocol::DeleteRecordsRequest request;
    request.timeout_ms = in_ms(cluster_->options().request_timeout);
    by_topic(
        places, [&](const std::string& name) { request.topics.push_back({.name = name}); },
        [&](const TopicPartition& place) {
          request.topics.back().partitions.push_back({place.partition.value(), before.at(place).value()});
        });
    const auto connection = cluster_->broker(leader);
    if (!connection) co_return fail(Errc::kClosed, fmt::format("broker {} is gone", leader.value()));
    CO_TRY_ASSIGN(const auto reply, co_await connection->call(request, cluster_->api_deadline()));
    for (const auto& topic : reply.message.topics) {
      for (const auto& partition : topic.partitions) {
        const std::string name = std::string(topic.name) + "-" + std::to_string(partition.partition_index);
        const auto done = to_result(partition.error_code, name);
        outcomes.push_back(
            {name, done ? Result<Offset>(Offset(partition.low_watermark)) : std::unexpected(done.error())});
      }
    }
  }
  co_return outcomes;
}

Task<Result<std::vector<ConfigEntry>>> Admin::describe_config(ConfigResource resource) {
  protocol::DescribeConfigsRequest request;
  request.resources.push_back({.resource_type = static_cast<int8_t>(resource.type),
                               .resource_name = resource.name,
                               .configuration_keys = std::nullopt});
  CO_TRY_ASSIGN(const auto reply, co_await call_for(*cluster_, resource, request,
                                                    [](const auto& answer) { return codes(answer.results); }));
  if (reply.message.results.empty()) co_return fail(Errc::kCorrupt, resource.name + ": the answer is empty");
  const auto& result = reply.message.results.front();
  CO_TRY(to_result(result.error_code, resource.name, result.error_message));
  std::vector<ConfigEntry> entries;
  for (const auto& config : result.configs) {
    entries.push_back({.name = std::string(config.name),
                       .value = config.value ? std::optional(std::string(*config.value)) : std::nullopt,
                       .source = source_name(config.config_source),
                       .read_only = config.read_only,
                       .sensitive = config.is_sensitive});
  }
  std::ranges::sort(entries, {}, &ConfigEntry::name);
  co_return entries;
}

Task<Result<>> Admin::alter_config(ConfigResource resource, ConfigChanges changes) {
  protocol::IncrementalAlterConfigsRequest request;
  request.resources.push_back({.resource_type = static_cast<int8_t>(resource.type), .resource_name = resource.name});
  for (const auto& [name, value] : changes) {
    request.resources.back().configs.push_back(
        {.name = name,
         .config_operation = value ? kOperationSet : kOperationDelete,
         .value = value ? std::optional<std::string_view>(*value) : std::nullopt});
  }
  CO_TRY_ASSIGN(const auto reply, co_await call_for(*cluster_, resource, request,
                                                    [](const auto& answer) { return codes(answer.responses); }));
  if (reply.message.responses.empty()) co_return fail(Errc::kCorrupt, resource.name + ": the answer is empty");
  const auto& result = reply.message.responses.front();
  co_return to_result(result.error_code, resource.name, result.error_message);
}

Task<Result<std::map<TopicPartition, Result<FoundOffset>>>> Admin::list_offsets(
    std::map<TopicPartition, Timestamp> wanted) {
  return find_offsets(cluster_, std::move(wanted), false, cluster_->api_deadline());
}

}  // namespace weir::client
