#include "quorum/metadata_snapshot.h"

#include "quorum/metadata_delta.h"

namespace weir::quorum {
namespace {

template <class Record>
void add_endpoints(const std::vector<NodeEndpoint>& endpoints, Record& record) {
  for (const NodeEndpoint& endpoint : endpoints) {
    record.end_points.push_back({endpoint.name, endpoint.host, endpoint.port, endpoint.security_protocol});
  }
}

template <class Features, class Record>
void add_features(const Features& features, Record& record) {
  for (const auto& [name, range] : features) record.features.push_back({name, range.min, range.max});
}

void add_features_of_cluster(const MetadataImage& image, MetadataRecords& records) {
  // First of all, for it says how to read what follows.
  if (const auto* level = image.features.find(kMetadataVersionFeature)) {
    records.add(protocol::FeatureLevelRecord{.name = kMetadataVersionFeature, .feature_level = *level});
  }
  for (const auto& [name, level] : image.features) {
    if (name != kMetadataVersionFeature) {
      records.add(protocol::FeatureLevelRecord{.name = name, .feature_level = level});
    }
  }
}

void add_nodes(const MetadataImage& image, MetadataRecords& records) {
  for (const auto& [id, broker] : image.brokers) {
    protocol::RegisterBrokerRecord record;
    record.broker_id = id.value();
    record.is_migrating_zk_broker = broker->is_migrating_zk_broker;
    record.incarnation_id = broker->incarnation_id;
    record.broker_epoch = broker->epoch.value();
    add_endpoints(broker->endpoints, record);
    add_features(broker->features, record);
    record.rack.reset();
    if (broker->rack) record.rack = *broker->rack;
    record.fenced = broker->fenced;
    record.in_controlled_shutdown = broker->in_controlled_shutdown;
    record.log_dirs = broker->directories;
    if (!broker->cordoned_directories.empty()) record.cordoned_log_dirs = broker->cordoned_directories;
    records.add(record);
  }
  for (const auto& [id, controller] : image.controllers) {
    protocol::RegisterControllerRecord record;
    record.controller_id = id.value();
    record.incarnation_id = controller->incarnation_id;
    record.zk_migration_ready = controller->zk_migration_ready;
    add_endpoints(controller->endpoints, record);
    add_features(controller->features, record);
    records.add(record);
  }
}

protocol::PartitionRecord to_record(const Uuid& topic_id, size_t index, const PartitionImage& partition,
                                    MetadataVersion version) {
  protocol::PartitionRecord record;
  record.partition_id = static_cast<int32_t>(index);
  record.topic_id = topic_id;
  record.replicas = to_ints(partition.replicas);
  record.isr = to_ints(partition.isr);
  record.removing_replicas = to_ints(partition.removing_replicas);
  record.adding_replicas = to_ints(partition.adding_replicas);
  record.leader = partition.leader.value();
  record.leader_recovery_state = static_cast<int8_t>(partition.leader_recovery_state);
  record.leader_epoch = partition.leader_epoch.value();
  record.partition_epoch = partition.partition_epoch.value();
  if (version.has_directories()) record.directories = partition.directories;
  if (!partition.elr.empty()) record.eligible_leader_replicas = to_ints(partition.elr);
  if (!partition.last_known_elr.empty()) record.last_known_elr = to_ints(partition.last_known_elr);
  return record;
}

void add_topics(const MetadataImage& image, MetadataRecords& records) {
  for (const auto& [id, topic] : image.topics) {
    records.add(protocol::TopicRecord{.name = topic->name, .topic_id = id});
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      records.add(to_record(id, i, *topic->partitions[i], image.metadata_version()));
    }
  }
}

void add_configs(const MetadataImage& image, MetadataRecords& records) {
  for (const auto& [resource, entries] : image.configs) {
    for (const auto& [name, value] : *entries) {
      records.add(protocol::ConfigRecord{.resource_type = static_cast<int8_t>(resource.type),
                                         .resource_name = resource.name,
                                         .name = name,
                                         .value = value});
    }
  }
}

void add_quotas(const MetadataImage& image, MetadataRecords& records) {
  for (const auto& [entity, values] : image.client_quotas) {
    for (const auto& [key, value] : values) {
      protocol::ClientQuotaRecord record;
      for (const auto& [type, name] : entity) {
        auto& part = record.entity.emplace_back();
        part.entity_type = type;
        part.entity_name.reset();
        if (name) part.entity_name = *name;
      }
      record.key = key;
      record.value = value;
      records.add(record);
    }
  }
}

void add_security(const MetadataImage& image, MetadataRecords& records) {
  for (const auto& [id, acl] : image.acls) {
    records.add(protocol::AccessControlEntryRecord{.id = id,
                                                   .resource_type = acl->resource_type,
                                                   .resource_name = acl->resource_name,
                                                   .pattern_type = acl->pattern_type,
                                                   .principal = acl->principal,
                                                   .host = acl->host,
                                                   .operation = acl->operation,
                                                   .permission_type = acl->permission_type});
  }
  for (const auto& [key, credential] : image.scram_credentials) {
    records.add(protocol::UserScramCredentialRecord{.name = key.user,
                                                    .mechanism = key.mechanism,
                                                    .salt = credential->salt,
                                                    .stored_key = credential->stored_key,
                                                    .server_key = credential->server_key,
                                                    .iterations = credential->iterations});
  }
  for (const auto& [id, token] : image.delegation_tokens) {
    protocol::DelegationTokenRecord record;
    record.owner = token->owner;
    record.requester = token->requester;
    record.renewers.assign(token->renewers.begin(), token->renewers.end());
    record.issue_timestamp = token->issued.value();
    record.max_timestamp = token->max.value();
    record.expiration_timestamp = token->expires.value();
    record.token_id = id;
    records.add(record);
  }
}

}  // namespace

MetadataRecords image_to_records(const MetadataImage& image) {
  MetadataRecords records(image.metadata_version());
  add_features_of_cluster(image, records);
  add_nodes(image, records);
  add_topics(image, records);
  add_configs(image, records);
  add_quotas(image, records);
  if (image.next_producer_id != kNoProducerId) {
    protocol::ProducerIdsRecord record;
    record.broker_id = -1;
    record.next_producer_id = image.next_producer_id.value();
    records.add(record);
  }
  add_security(image, records);
  return records;
}

}  // namespace weir::quorum
