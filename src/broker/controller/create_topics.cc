// CreateTopics: topics with their partitions and settings, all that can be made in one batch of records.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "broker/controller/controller.h"
#include "broker/controller/placement.h"
#include "broker/controller/topic_creation.h"
#include "quorum/metadata_delta.h"

namespace weir::broker {
namespace {

using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using protocol::ErrorCode;
using Creatable = CreateTopicsRequest::CreatableTopic;
using Created = CreateTopicsResponse::CreatableTopicResult;

// The metadata log is no topic that a client may make.
constexpr std::string_view kMetadataTopicName = "__cluster_metadata";

// From this version on clients know THROTTLING_QUOTA_EXCEEDED.
constexpr int16_t kFirstStrictVersion = 6;

// The assignment of a topic, partition by partition, or why it cannot be made.
using Assignment = std::vector<std::vector<NodeId>>;

class TopicCreator {
 public:
  TopicCreator(const quorum::MetadataImage& image, const ControllerOptions& options, const ConfigRules& rules,
               Random& random, MutationPermit& permit)
      : image_(image), options_(options), rules_(rules), random_(random), permit_(permit) {}

  std::optional<ApiError> create(const Creatable& topic, quorum::MetadataRecords& records,
                                 Reply<CreateTopicsResponse>& reply, Created& result) {
    if (auto error = check_name(topic.name)) return error;
    if (image_.topics_by_name.contains(topic.name)) {
      return ApiError{ErrorCode::kTopicAlreadyExists, fmt::format("Topic '{}' already exists.", topic.name)};
    }
    quorum::ConfigEntries configs;
    if (auto error = take_configs(topic, configs)) return error;
    Assignment assignment;
    if (auto error = topic.assignments.empty() ? place(topic, assignment) : take_assignment(topic, assignment)) {
      return error;
    }
    if (!permit_.take(assignment.size())) return quota_exceeded();
    result.topic_id = Uuid::random(random_);
    result.num_partitions = static_cast<int32_t>(assignment.size());
    result.replication_factor = static_cast<int16_t>(assignment.front().size());
    describe(configs, reply, result);
    records.add(protocol::TopicRecord{.name = topic.name, .topic_id = result.topic_id});
    for (const auto& [name, value] : configs) {
      records.add(protocol::ConfigRecord{.resource_type = static_cast<int8_t>(quorum::ConfigResourceType::kTopic),
                                         .resource_name = topic.name,
                                         .name = name,
                                         .value = value});
    }
    for (size_t i = 0; i < assignment.size(); ++i) {
      records.add(new_partition(image_, result.topic_id, static_cast<int32_t>(i), assignment[i]));
    }
    return std::nullopt;
  }

  // How many partitions a topic asks for, at most; settings and wrong counts come later.
  [[nodiscard]] size_t partition_count(const Creatable& topic) const {
    if (!topic.assignments.empty()) return topic.assignments.size();
    return static_cast<size_t>(topic.num_partitions == -1 ? options_.num_partitions
                                                          : std::max(topic.num_partitions, 0));
  }

 private:
  [[nodiscard]] std::optional<ApiError> check_name(std::string_view name) const {
    if (name == kMetadataTopicName) {
      return ApiError{ErrorCode::kInvalidRequest,
                      fmt::format("Creation of internal topic {} is prohibited.", kMetadataTopicName)};
    }
    if (auto problem = topic_name_problem(name)) return ApiError{ErrorCode::kInvalidTopicException, *problem};
    if (const std::string* other = colliding_topic(image_, name)) {
      return ApiError{ErrorCode::kInvalidTopicException,
                      fmt::format("Topic '{}' collides with existing topic: {}", name, *other)};
    }
    return std::nullopt;
  }

  std::optional<ApiError> take_configs(const Creatable& topic, quorum::ConfigEntries& configs) const {
    for (const auto& config : topic.configs) {
      if (!config.value) {
        return ApiError{ErrorCode::kInvalidConfig,
                        fmt::format("Null value not supported for topic configs: {}", config.name)};
      }
      configs[std::string(config.name)] = std::string(*config.value);
    }
    const quorum::ConfigResource resource{quorum::ConfigResourceType::kTopic, std::string(topic.name)};
    if (auto valid = rules_.validate(resource, configs); !valid) {
      return ApiError{ErrorCode::kInvalidConfig, valid.error().message};
    }
    return std::nullopt;
  }

  std::optional<ApiError> place(const Creatable& topic, Assignment& assignment) {
    if (topic.replication_factor < -1 || topic.replication_factor == 0) {
      return ApiError{ErrorCode::kInvalidReplicationFactor,
                      "Replication factor must be larger than 0, or -1 to use the default value."};
    }
    if (topic.num_partitions < -1 || topic.num_partitions == 0) {
      return ApiError{ErrorCode::kInvalidPartitions, "Number of partitions was set to an invalid non-positive value."};
    }
    const int32_t count = topic.num_partitions == -1 ? options_.num_partitions : topic.num_partitions;
    const int16_t factor =
        topic.replication_factor == -1 ? options_.default_replication_factor : topic.replication_factor;
    Placement placement(image_, random_);
    if (auto possible = placement.check(factor); !possible) {
      return ApiError{ErrorCode::kInvalidReplicationFactor,
                      "Unable to replicate the partition: " + possible.error().message};
    }
    for (int32_t i = 0; i < count; ++i) assignment.push_back(placement.next(factor));
    return std::nullopt;
  }

  std::optional<ApiError> take_assignment(const Creatable& topic, Assignment& assignment) const {
    if (topic.replication_factor != -1) {
      return ApiError{ErrorCode::kInvalidRequest,
                      "A manual partition assignment was specified, but replication factor was not set to -1."};
    }
    if (topic.num_partitions != -1) {
      return ApiError{ErrorCode::kInvalidRequest,
                      "A manual partition assignment was specified, but numPartitions was not set to -1."};
    }
    std::map<int32_t, std::vector<NodeId>> by_index;
    std::optional<size_t> factor;
    for (const auto& entry : topic.assignments) {
      auto replicas = quorum::to_nodes(entry.broker_ids);
      if (auto error = check_assignment(image_, replicas, factor)) return error;
      factor = replicas.size();
      if (!by_index.emplace(entry.partition_index, std::move(replicas)).second) {
        return ApiError{
            ErrorCode::kInvalidReplicaAssignment,
            fmt::format("Found multiple manual partition assignments for partition {}", entry.partition_index)};
      }
    }
    for (auto& [index, replicas] : by_index) {
      if (index != static_cast<int32_t>(assignment.size())) {
        return ApiError{ErrorCode::kInvalidReplicaAssignment,
                        "Partitions should be a consecutive 0-based integer sequence."};
      }
      assignment.push_back(std::move(replicas));
    }
    return std::nullopt;
  }

  void describe(const quorum::ConfigEntries& configs, Reply<CreateTopicsResponse>& reply, Created& result) const {
    result.configs.emplace();
    for (TopicSetting& config : rules_.describe_topic(image_, configs)) {
      auto& described = result.configs->emplace_back();
      described.name = reply.keep(std::move(config.name));
      described.value.reset();
      if (config.value && !config.is_sensitive) described.value = reply.keep(std::move(*config.value));
      described.read_only = config.read_only;
      described.config_source = config.source;
      described.is_sensitive = config.is_sensitive;
    }
  }

  const quorum::MetadataImage& image_;
  const ControllerOptions& options_;
  const ConfigRules& rules_;
  Random& random_;
  MutationPermit& permit_;
};

std::set<std::string_view> names_given_twice(const CreateTopicsRequest& request) {
  std::set<std::string_view> seen;
  std::set<std::string_view> twice;
  for (const Creatable& topic : request.topics) {
    if (!seen.insert(topic.name).second) twice.insert(topic.name);
  }
  return twice;
}

}  // namespace

Decision<CreateTopicsResponse> Controller::decide(const CreateTopicsRequest& request, const DecideContext& context) {
  auto decision = no_change<CreateTopicsResponse>();
  auto& reply = decision.reply;
  MutationPermit permit = mutation_permit(context, kFirstStrictVersion);
  TopicCreator creator(image_, options_, rules_, random_, permit);
  const auto twice = names_given_twice(request);
  const auto refuse = [&](Created& result, const ApiError& error) {
    result.error_code = protocol::error_field(error.code);
    result.error_message = reply.keep(error.message);
  };
  size_t partition_count = 0;
  for (const Creatable& topic : request.topics) {
    if (!twice.contains(topic.name)) partition_count += creator.partition_count(topic);
  }
  std::set<std::string_view> answered;
  // Topics of one request collide with each other as with those that exist.
  std::map<std::string, std::string_view> made;
  for (const Creatable& topic : request.topics) {
    if (!answered.insert(topic.name).second) continue;
    auto& result = reply.response.topics.emplace_back();
    result.name = reply.keep(topic.name);
    result.error_message.reset();
    std::string unified(topic.name);
    std::ranges::replace(unified, '.', '_');
    const auto collision = made.find(unified);
    if (twice.contains(topic.name)) {
      refuse(result, {ErrorCode::kInvalidRequest, "Duplicate topic name."});
    } else if (partition_count > kPartitionsPerRequestMax) {
      refuse(result, {ErrorCode::kPolicyViolation, fmt::format("The request asks for {} partitions; {} is the most.",
                                                               partition_count, kPartitionsPerRequestMax)});
    } else if (collision != made.end()) {
      refuse(result,
             {ErrorCode::kInvalidTopicException,
              fmt::format("Topic '{}' collides with another topic of the request: {}", topic.name, collision->second)});
    } else if (auto error = creator.create(topic, decision.records, reply, result)) {
      refuse(result, *error);
    } else {
      made.emplace(std::move(unified), topic.name);
    }
  }
  reply.response.throttle_time_ms = static_cast<int32_t>(permit.throttle().count());
  if (request.validate_only) decision.records = quorum::MetadataRecords(image_.metadata_version());
  return decision;
}

}  // namespace weir::broker
