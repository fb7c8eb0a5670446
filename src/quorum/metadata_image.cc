#include "quorum/metadata_image.h"

#include <algorithm>

namespace weir::quorum {
namespace {

// Maps of shared parts compare by what the parts say.
template <class Key, class Value>
bool same_parts(const PersistentMap<Key, std::shared_ptr<const Value>>& a,
                const PersistentMap<Key, std::shared_ptr<const Value>>& b) {
  if (a.size() != b.size()) return false;
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
    if (x->first != y->first || (x->second != y->second && *x->second != *y->second)) return false;
  }
  return true;
}

}  // namespace

const NodeEndpoint* BrokerImage::endpoint(std::string_view listener) const {
  const auto found = std::ranges::find(endpoints, listener, &NodeEndpoint::name);
  return found == endpoints.end() ? nullptr : &*found;
}

bool BrokerImage::has_directory(const Uuid& directory) const {
  return std::ranges::find(directories, directory) != directories.end();
}

bool PartitionImage::has_replica(NodeId id) const { return std::ranges::find(replicas, id) != replicas.end(); }

bool PartitionImage::is_in_isr(NodeId id) const { return std::ranges::find(isr, id) != isr.end(); }

Uuid PartitionImage::directory_of(NodeId broker) const {
  const auto found = std::ranges::find(replicas, broker);
  return found == replicas.end() ? kUnassignedDirectory : directories[static_cast<size_t>(found - replicas.begin())];
}

const PartitionImage* TopicImage::partition(PartitionIndex index) const {
  const auto at = static_cast<size_t>(index.value());
  return index.value() < 0 || at >= partitions.size() ? nullptr : partitions[at].get();
}

bool operator==(const TopicImage& a, const TopicImage& b) {
  return a.name == b.name && a.id == b.id &&
         std::ranges::equal(a.partitions, b.partitions, [](const auto& x, const auto& y) { return *x == *y; });
}

std::shared_ptr<const TopicImage> MetadataImage::topic(const Uuid& id) const {
  const auto* found = topics.find(id);
  return found == nullptr ? nullptr : *found;
}

std::shared_ptr<const TopicImage> MetadataImage::topic(std::string_view name) const {
  const auto* found = topics_by_name.find(name);
  return found == nullptr ? nullptr : *found;
}

const PartitionImage* MetadataImage::partition(const Uuid& topic_id, PartitionIndex index) const {
  const auto* found = topics.find(topic_id);
  return found == nullptr ? nullptr : (*found)->partition(index);
}

const BrokerImage* MetadataImage::broker(NodeId id) const {
  const auto* found = brokers.find(id);
  return found == nullptr ? nullptr : found->get();
}

const ConfigEntries& MetadataImage::config(ConfigResourceType type, std::string_view name) const {
  static const ConfigEntries none;
  const auto* found = configs.find(ConfigResource{type, std::string(name)});
  return found == nullptr ? none : **found;
}

int16_t MetadataImage::feature_level(std::string_view feature) const {
  const auto* level = features.find(feature);
  return level == nullptr ? int16_t{0} : *level;
}

MetadataVersion MetadataImage::metadata_version() const {
  const auto* level = features.find(kMetadataVersionFeature);
  return level == nullptr ? kMinMetadataVersion : MetadataVersion(*level);
}

bool MetadataImage::same_content(const MetadataImage& other) const {
  return features == other.features && same_parts(brokers, other.brokers) &&
         same_parts(controllers, other.controllers) && same_parts(topics, other.topics) &&
         same_parts(topics_by_name, other.topics_by_name) && same_parts(configs, other.configs) &&
         next_producer_id == other.next_producer_id && client_quotas == other.client_quotas &&
         same_parts(scram_credentials, other.scram_credentials) && same_parts(acls, other.acls) &&
         same_parts(delegation_tokens, other.delegation_tokens);
}

}  // namespace weir::quorum
