#include "broker/controller/leadership.h"

#include <algorithm>
#include <charconv>

namespace weir::broker {
namespace {

int32_t min_insync_replicas(const quorum::MetadataImage& image, const ConfigRules& rules, std::string_view topic) {
  const auto text = effective_topic_config(image, rules, topic, "min.insync.replicas");
  int32_t count = 1;
  if (text) std::from_chars(text->data(), text->data() + text->size(), count);
  return count;
}

}  // namespace

bool is_online(const quorum::BrokerImage& broker, const Uuid& directory) {
  if (directory == quorum::kUnassignedDirectory || directory == quorum::kMigratingDirectory) return true;
  if (directory == quorum::kLostDirectory) return false;
  return broker.directories.empty() || broker.has_directory(directory);
}

std::optional<std::string> effective_topic_config(const quorum::MetadataImage& image, const ConfigRules& rules,
                                                  std::string_view topic, std::string_view name) {
  using quorum::ConfigResourceType;
  for (const auto* entries :
       {&image.config(ConfigResourceType::kTopic, topic), &image.config(ConfigResourceType::kBroker, "")}) {
    if (const auto found = entries->find(name); found != entries->end()) return found->second;
  }
  return rules.default_value(ConfigResourceType::kTopic, name);
}

Uuid default_directory(const quorum::MetadataImage& image, NodeId broker) {
  const quorum::BrokerImage* registered = image.broker(broker);
  if (registered == nullptr || registered->directories.empty()) return quorum::kMigratingDirectory;
  return registered->directories.size() == 1 ? registered->directories[0] : quorum::kUnassignedDirectory;
}

PartitionChangeInput change_of(const quorum::MetadataImage& image, const ConfigRules& rules,
                               const quorum::TopicImage& topic, PartitionIndex index,
                               const BrokerTransition& transition) {
  const quorum::PartitionImage& partition = *topic.partition(index);
  PartitionChangeInput change(topic.id, index, partition);
  change.version = image.metadata_version();
  change.elr_enabled = image.is_elr_enabled();
  change.min_insync_replicas = min_insync_replicas(image, rules, topic.name);
  if (effective_topic_config(image, rules, topic.name, "unclean.leader.election.enable") == "true") {
    change.election = Election::kUnclean;
  }
  change.can_lead = [&image, &partition, transition](NodeId id) {
    const quorum::BrokerImage* broker = image.broker(id);
    if (broker == nullptr || id == transition.leaving || id == transition.unclean) return false;
    return (id == transition.arriving || broker->is_active()) && is_online(*broker, partition.directory_of(id));
  };
  change.default_directory = [&image](NodeId id) { return default_directory(image, id); };
  if (transition.unclean != kNoNode) change.unclean_shutdown = {transition.unclean};
  std::erase_if(change.target_isr, [&](NodeId id) { return id == transition.leaving || id == transition.unclean; });
  return change;
}

bool add_preferred_leaders(const quorum::MetadataImage& image, const ConfigRules& rules, size_t most,
                           quorum::MetadataRecords& records) {
  for (const auto& [id, topic] : image.topics) {
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const quorum::PartitionImage& partition = *topic->partitions[i];
      if (partition.leader == partition.replicas.front()) continue;
      auto change = change_of(image, rules, *topic, PartitionIndex(static_cast<int32_t>(i)));
      change.election = Election::kPreferred;
      const auto record = decide_partition_change(change);
      if (!record) continue;
      if (records.size() == most) return true;
      records.add(*record);
    }
  }
  return false;
}

void add_leader_updates(const quorum::MetadataImage& image, const ConfigRules& rules,
                        const BrokerTransition& transition, const PartitionFilter& filter,
                        quorum::MetadataRecords& records) {
  for (const auto& [id, topic] : image.topics) {
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      if (!filter(*topic->partitions[i])) continue;
      const PartitionIndex index(static_cast<int32_t>(i));
      if (auto record = decide_partition_change(change_of(image, rules, *topic, index, transition))) {
        records.add(*record);
      }
    }
  }
}

}  // namespace weir::broker
