#include "quorum/metadata_delta.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::quorum {
namespace {

// A partition may come before those of lower indexes (snapshots are in no order), but not by more: a corrupt index must
// not allocate.
constexpr size_t kPartitionGapMax = size_t{1} << 16;

template <class Record>
std::unexpected<Error> contradiction(const Record&, std::string_view why) {
  return fail(Errc::kCorrupt, fmt::format("{}: {}", Record::kName, why));
}

template <class Endpoints>
std::vector<NodeEndpoint> to_endpoints(const Endpoints& endpoints) {
  std::vector<NodeEndpoint> result;
  for (const auto& endpoint : endpoints) {
    result.push_back(
        {std::string(endpoint.name), std::string(endpoint.host), endpoint.port, endpoint.security_protocol});
  }
  // Kafka writes them in no order: by name, the same registration is the same image.
  std::ranges::sort(result, {}, &NodeEndpoint::name);
  return result;
}

template <class Features>
std::map<std::string, VersionRange, std::less<>> to_features(const Features& features) {
  std::map<std::string, VersionRange, std::less<>> result;
  for (const auto& feature : features) {
    result[std::string(feature.name)] = {feature.min_supported_version, feature.max_supported_version};
  }
  return result;
}

std::vector<Uuid> sorted(std::vector<Uuid> ids) {
  std::ranges::sort(ids);
  return ids;
}

QuotaEntity to_entity(const protocol::ClientQuotaRecord& record) {
  QuotaEntity entity;
  for (const auto& part : record.entity) {
    entity[std::string(part.entity_type)] =
        part.entity_name ? std::optional<std::string>(*part.entity_name) : std::nullopt;
  }
  return entity;
}

// The directories of `replicas`: those that `before` knows stay.
std::vector<Uuid> carry_directories(const PartitionImage& before, const std::vector<NodeId>& replicas) {
  std::vector<Uuid> directories;
  for (NodeId replica : replicas) directories.push_back(before.directory_of(replica));
  return directories;
}

}  // namespace

std::vector<NodeId> to_nodes(const std::vector<int32_t>& ids) {
  std::vector<NodeId> nodes;
  nodes.reserve(ids.size());
  for (int32_t id : ids) nodes.emplace_back(id);
  return nodes;
}

std::vector<int32_t> to_ints(const std::vector<NodeId>& ids) {
  std::vector<int32_t> ints;
  ints.reserve(ids.size());
  for (NodeId id : ids) ints.push_back(id.value());
  return ints;
}

Result<PartitionImage> apply_change(const PartitionImage& before, const protocol::PartitionChangeRecord& record) {
  PartitionImage after = before;
  if (record.replicas) {
    after.replicas = to_nodes(*record.replicas);
    after.directories = carry_directories(before, after.replicas);
  }
  if (record.directories) {
    if (record.directories->size() != after.replicas.size()) {
      return contradiction(
          record, fmt::format("{} directories for {} replicas", record.directories->size(), after.replicas.size()));
    }
    after.directories = *record.directories;
  }
  if (record.isr) after.isr = to_nodes(*record.isr);
  if (record.removing_replicas) after.removing_replicas = to_nodes(*record.removing_replicas);
  if (record.adding_replicas) after.adding_replicas = to_nodes(*record.adding_replicas);
  if (record.eligible_leader_replicas) after.elr = to_nodes(*record.eligible_leader_replicas);
  if (record.last_known_elr) after.last_known_elr = to_nodes(*record.last_known_elr);
  if (record.leader != -2) {  // -2: stays as it is
    after.leader = NodeId(record.leader);
    ++after.leader_epoch;
  }
  if (record.leader_recovery_state >= 0) {
    after.leader_recovery_state = static_cast<LeaderRecoveryState>(record.leader_recovery_state);
  }
  ++after.partition_epoch;
  return after;
}

Result<> MetadataDelta::replay(ByteView value) {
  TRY_ASSIGN(auto record, decode_metadata_record(value));
  return replay(record);
}

Result<> MetadataDelta::replay(const MetadataRecord& record) {
  return std::visit([this](const auto& typed) { return apply(typed); }, record);
}

Result<> MetadataDelta::settle() {
  for (const auto& [id, topic] : changed_topics_) {
    if (std::ranges::find(topic->partitions, nullptr) != topic->partitions.end()) {
      return fail(Errc::kCorrupt,
                  fmt::format("topic {} ({}) lacks a partition below its last", topic->name, id.to_string()));
    }
    changes_.topics[id].after = topic;
  }
  changed_topics_.clear();
  return {};
}

Result<MetadataDelta> MetadataDelta::fork() {
  TRY(settle());
  return MetadataDelta(*this);
}

Result<MetadataDelta::Outcome> MetadataDelta::finish(Provenance provenance) && {
  TRY(settle());
  image_.provenance = provenance;
  return Outcome{std::move(image_), std::move(changes_)};
}

// ------------------------------------------------------------------------------------------------- brokers,
// controllers

Result<BrokerImage> MetadataDelta::registered_broker(std::string_view record, int32_t id, int64_t epoch) const {
  const BrokerImage* broker = image_.broker(NodeId(id));
  if (broker == nullptr) return fail(Errc::kCorrupt, fmt::format("{}: broker {} is not registered", record, id));
  if (broker->epoch.value() != epoch) {
    return fail(Errc::kCorrupt,
                fmt::format("{}: broker {} has epoch {}, not {}", record, id, broker->epoch.value(), epoch));
  }
  return *broker;
}

void MetadataDelta::put_broker(BrokerImage broker) {
  const NodeId id = broker.id;
  changes_.brokers.insert(id);
  image_.brokers.set(id, std::make_shared<const BrokerImage>(std::move(broker)));
}

Result<> MetadataDelta::apply(const protocol::RegisterBrokerRecord& record) {
  BrokerImage broker;
  broker.id = NodeId(record.broker_id);
  broker.epoch = BrokerEpoch(record.broker_epoch);
  broker.incarnation_id = record.incarnation_id;
  broker.endpoints = to_endpoints(record.end_points);
  broker.features = to_features(record.features);
  if (record.rack) broker.rack = std::string(*record.rack);
  broker.fenced = record.fenced;
  broker.in_controlled_shutdown = record.in_controlled_shutdown;
  broker.is_migrating_zk_broker = record.is_migrating_zk_broker;
  broker.directories = sorted(record.log_dirs);
  if (record.cordoned_log_dirs) broker.cordoned_directories = sorted(*record.cordoned_log_dirs);
  put_broker(std::move(broker));
  return {};
}

Result<> MetadataDelta::apply(const protocol::UnregisterBrokerRecord& record) {
  TRY_ASSIGN(auto broker, registered_broker(record.kName, record.broker_id, record.broker_epoch));
  changes_.brokers.insert(broker.id);
  image_.brokers.erase(broker.id);
  return {};
}

Result<> MetadataDelta::apply(const protocol::FenceBrokerRecord& record) {
  TRY_ASSIGN(auto broker, registered_broker(record.kName, record.id, record.epoch));
  broker.fenced = true;
  put_broker(std::move(broker));
  return {};
}

Result<> MetadataDelta::apply(const protocol::UnfenceBrokerRecord& record) {
  TRY_ASSIGN(auto broker, registered_broker(record.kName, record.id, record.epoch));
  broker.fenced = false;
  put_broker(std::move(broker));
  return {};
}

Result<> MetadataDelta::apply(const protocol::BrokerRegistrationChangeRecord& record) {
  TRY_ASSIGN(auto broker, registered_broker(record.kName, record.broker_id, record.broker_epoch));
  if (record.fenced < -1 || record.fenced > 1) {
    return contradiction(record, fmt::format("fenced is {}", record.fenced));
  }
  if (record.in_controlled_shutdown < 0 || record.in_controlled_shutdown > 1) {
    return contradiction(record, fmt::format("in controlled shutdown is {}", record.in_controlled_shutdown));
  }
  if (record.fenced != 0) broker.fenced = record.fenced > 0;
  if (record.in_controlled_shutdown != 0) broker.in_controlled_shutdown = true;
  if (!record.log_dirs.empty()) broker.directories = sorted(record.log_dirs);
  if (record.cordoned_log_dirs) broker.cordoned_directories = sorted(*record.cordoned_log_dirs);
  put_broker(std::move(broker));
  return {};
}

Result<> MetadataDelta::apply(const protocol::RegisterControllerRecord& record) {
  ControllerImage controller;
  controller.id = NodeId(record.controller_id);
  controller.incarnation_id = record.incarnation_id;
  controller.zk_migration_ready = record.zk_migration_ready;
  controller.endpoints = to_endpoints(record.end_points);
  controller.features = to_features(record.features);
  changes_.controllers.insert(controller.id);
  image_.controllers.set(controller.id, std::make_shared<const ControllerImage>(controller));
  return {};
}

// ------------------------------------------------------------------------------------------------------------- topics

TopicImage* MetadataDelta::changeable_topic(const Uuid& id) {
  if (auto found = changed_topics_.find(id); found != changed_topics_.end()) return found->second.get();
  const auto before = image_.topic(id);
  if (before == nullptr) return nullptr;
  auto copy = std::make_shared<TopicImage>(*before);
  // The image has the copy at once, so that there is one state to read; nobody else sees it before finish().
  image_.topics.set(id, copy);
  image_.topics_by_name.set(copy->name, copy);
  changes_.topics.try_emplace(id, TopicChange{before, nullptr, {}});
  changed_topics_[id] = copy;
  return copy.get();
}

void MetadataDelta::set_partition(TopicImage& topic, size_t index, PartitionImage partition) {
  if (index >= topic.partitions.size()) topic.partitions.resize(index + 1);
  topic.partitions[index] = std::make_shared<const PartitionImage>(std::move(partition));
  changes_.topics[topic.id].partitions.insert(PartitionIndex(static_cast<int32_t>(index)));
}

Result<> MetadataDelta::apply(const protocol::TopicRecord& record) {
  if (image_.topics.contains(record.topic_id)) {
    return contradiction(record, fmt::format("there is a topic {} already", record.topic_id.to_string()));
  }
  if (image_.topics_by_name.contains(record.name)) {
    return contradiction(record, fmt::format("there is a topic named {} already", record.name));
  }
  auto topic = std::make_shared<TopicImage>();
  topic->name = std::string(record.name);
  topic->id = record.topic_id;
  image_.topics.set(topic->id, topic);
  image_.topics_by_name.set(topic->name, topic);
  changes_.topics[topic->id];
  changed_topics_[topic->id] = std::move(topic);
  return {};
}

Result<> MetadataDelta::apply(const protocol::PartitionRecord& record) {
  TopicImage* topic = changeable_topic(record.topic_id);
  if (topic == nullptr) return contradiction(record, fmt::format("no topic {}", record.topic_id.to_string()));
  const auto index = static_cast<size_t>(record.partition_id);
  if (record.partition_id < 0 || index > topic->partitions.size() + kPartitionGapMax) {
    return contradiction(record, fmt::format("partition {} of topic {}", record.partition_id, topic->name));
  }
  PartitionImage partition;
  partition.replicas = to_nodes(record.replicas);
  partition.directories = record.directories;
  // Records from before directories had ids.
  if (partition.directories.empty()) partition.directories.resize(partition.replicas.size(), kMigratingDirectory);
  if (partition.directories.size() != partition.replicas.size()) {
    return contradiction(record, fmt::format("{} directories for {} replicas of {}-{}", partition.directories.size(),
                                             partition.replicas.size(), topic->name, record.partition_id));
  }
  partition.isr = to_nodes(record.isr);
  partition.removing_replicas = to_nodes(record.removing_replicas);
  partition.adding_replicas = to_nodes(record.adding_replicas);
  if (record.eligible_leader_replicas) partition.elr = to_nodes(*record.eligible_leader_replicas);
  if (record.last_known_elr) partition.last_known_elr = to_nodes(*record.last_known_elr);
  partition.leader = NodeId(record.leader);
  partition.leader_recovery_state = static_cast<LeaderRecoveryState>(record.leader_recovery_state);
  partition.leader_epoch = LeaderEpoch(record.leader_epoch);
  partition.partition_epoch = PartitionEpoch(record.partition_epoch);
  set_partition(*topic, index, std::move(partition));
  return {};
}

Result<> MetadataDelta::apply(const protocol::PartitionChangeRecord& record) {
  TopicImage* topic = changeable_topic(record.topic_id);
  if (topic == nullptr) return contradiction(record, fmt::format("no topic {}", record.topic_id.to_string()));
  const PartitionImage* before = topic->partition(PartitionIndex(record.partition_id));
  if (before == nullptr) {
    return contradiction(record, fmt::format("topic {} has no partition {}", topic->name, record.partition_id));
  }
  TRY_ASSIGN(auto after, apply_change(*before, record));
  set_partition(*topic, static_cast<size_t>(record.partition_id), std::move(after));
  return {};
}

Result<> MetadataDelta::apply(const protocol::RemoveTopicRecord& record) {
  const auto topic = image_.topic(record.topic_id);
  if (topic == nullptr) return contradiction(record, fmt::format("no topic {}", record.topic_id.to_string()));
  image_.topics.erase(topic->id);
  image_.topics_by_name.erase(topic->name);
  changed_topics_.erase(topic->id);
  const auto change = changes_.topics.try_emplace(topic->id, TopicChange{topic, nullptr, {}}).first;
  if (change->second.before == nullptr) {
    changes_.topics.erase(change);  // it has come and gone within this delta
  } else {
    change->second = TopicChange{change->second.before, nullptr, {}};
  }
  ConfigResource resource{ConfigResourceType::kTopic, topic->name};
  if (image_.configs.contains(resource)) {
    image_.configs.erase(resource);
    changes_.configs.insert(std::move(resource));
  }
  return {};
}

void MetadataDelta::clear_elr(TopicImage& topic) {
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    if (topic.partitions[i] == nullptr) continue;
    PartitionImage partition = *topic.partitions[i];
    if (partition.elr.empty() && partition.last_known_elr.empty()) continue;
    partition.elr.clear();
    partition.last_known_elr.clear();
    ++partition.partition_epoch;
    set_partition(topic, i, std::move(partition));
  }
}

Result<> MetadataDelta::apply(const protocol::ClearElrRecord& record) {
  std::vector<Uuid> ids;
  if (record.topic_name.empty()) {
    for (const auto& [id, topic] : image_.topics) ids.push_back(id);
  } else if (const auto topic = image_.topic(record.topic_name)) {
    ids.push_back(topic->id);
  } else {
    return contradiction(record, fmt::format("no topic named {}", record.topic_name));
  }
  for (const Uuid& id : ids) {
    const bool has_elr = std::ranges::any_of(image_.topic(id)->partitions, [](const auto& partition) {
      return partition != nullptr && (!partition->elr.empty() || !partition->last_known_elr.empty());
    });
    if (has_elr) clear_elr(*changeable_topic(id));
  }
  return {};
}

// ------------------------------------------------------------------------------------------- features, configs, the
// rest

Result<> MetadataDelta::apply(const protocol::FeatureLevelRecord& record) {
  changes_.features = true;
  if (record.name == kMetadataVersionFeature && !MetadataVersion(record.feature_level).is_supported()) {
    return fail(Errc::kUnsupported,
                fmt::format("metadata.version {} is not supported: {} to {} are", record.feature_level,
                            kMinMetadataVersion.level(), kLatestMetadataVersion.level()));
  }
  if (record.feature_level == 0) {
    image_.features.erase(record.name);
  } else {
    image_.features.set(std::string(record.name), record.feature_level);
  }
  return {};
}

Result<> MetadataDelta::apply(const protocol::ConfigRecord& record) {
  const ConfigResource resource{static_cast<ConfigResourceType>(record.resource_type),
                                std::string(record.resource_name)};
  const auto* before = image_.configs.find(resource);
  ConfigEntries entries = before == nullptr ? ConfigEntries{} : **before;
  if (record.value) {
    entries[std::string(record.name)] = std::string(*record.value);
  } else {
    entries.erase(std::string(record.name));
  }
  changes_.configs.insert(resource);
  if (entries.empty()) {
    image_.configs.erase(resource);
  } else {
    image_.configs.set(resource, std::make_shared<const ConfigEntries>(std::move(entries)));
  }
  return {};
}

Result<> MetadataDelta::apply(const protocol::ClientQuotaRecord& record) {
  changes_.client_quotas = true;
  QuotaEntity entity = to_entity(record);
  const QuotaValues* before = image_.client_quotas.find(entity);
  QuotaValues values = before == nullptr ? QuotaValues{} : *before;
  if (record.remove) {
    values.erase(std::string(record.key));
  } else {
    values[std::string(record.key)] = record.value;
  }
  if (values.empty()) {
    image_.client_quotas.erase(entity);
  } else {
    image_.client_quotas.set(std::move(entity), std::move(values));
  }
  return {};
}

Result<> MetadataDelta::apply(const protocol::ProducerIdsRecord& record) {
  changes_.producer_ids = true;
  image_.next_producer_id = ProducerId(record.next_producer_id);
  return {};
}

Result<> MetadataDelta::apply(const protocol::UserScramCredentialRecord& record) {
  ScramKey key{record.mechanism, std::string(record.name)};
  changes_.scram_credentials.insert(key);
  image_.scram_credentials.set(std::move(key), std::make_shared<const ScramCredential>(
                                                   ScramCredential{to_vector(record.salt), to_vector(record.stored_key),
                                                                   to_vector(record.server_key), record.iterations}));
  return {};
}

Result<> MetadataDelta::apply(const protocol::RemoveUserScramCredentialRecord& record) {
  ScramKey key{record.mechanism, std::string(record.name)};
  if (!image_.scram_credentials.contains(key)) {
    return contradiction(record, fmt::format("user {} has no credential of mechanism {}", key.user, key.mechanism));
  }
  image_.scram_credentials.erase(key);
  changes_.scram_credentials.insert(std::move(key));
  return {};
}

Result<> MetadataDelta::apply(const protocol::AccessControlEntryRecord& record) {
  changes_.acls = true;
  image_.acls.set(record.id, std::make_shared<const AclImage>(
                                 AclImage{record.resource_type, std::string(record.resource_name), record.pattern_type,
                                          std::string(record.principal), std::string(record.host), record.operation,
                                          record.permission_type}));
  return {};
}

Result<> MetadataDelta::apply(const protocol::RemoveAccessControlEntryRecord& record) {
  if (!image_.acls.contains(record.id)) {
    return contradiction(record, fmt::format("no access rule {}", record.id.to_string()));
  }
  changes_.acls = true;
  image_.acls.erase(record.id);
  return {};
}

Result<> MetadataDelta::apply(const protocol::DelegationTokenRecord& record) {
  changes_.delegation_tokens = true;
  DelegationTokenImage token;
  token.owner = std::string(record.owner);
  token.requester = std::string(record.requester);
  for (std::string_view renewer : record.renewers) token.renewers.emplace_back(renewer);
  token.issued = Timestamp(record.issue_timestamp);
  token.max = Timestamp(record.max_timestamp);
  token.expires = Timestamp(record.expiration_timestamp);
  image_.delegation_tokens.set(std::string(record.token_id),
                               std::make_shared<const DelegationTokenImage>(std::move(token)));
  return {};
}

Result<> MetadataDelta::apply(const protocol::RemoveDelegationTokenRecord& record) {
  changes_.delegation_tokens = true;
  image_.delegation_tokens.erase(record.token_id);
  return {};
}

}  // namespace weir::quorum
