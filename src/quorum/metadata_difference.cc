#include "quorum/metadata_delta.h"

namespace weir::quorum {
namespace {

// Whether two parts of an image say the same; those that both images share are not looked into.
template <class Part>
bool same(const std::shared_ptr<const Part>& a, const std::shared_ptr<const Part>& b) {
  return a == b || *a == *b;
}

// Calls changed(key, before, after) for each key whose part differs; a part is nullptr where it is missing.
template <class Key, class Part, class Changed>
void compare(const PersistentMap<Key, std::shared_ptr<const Part>>& before,
             const PersistentMap<Key, std::shared_ptr<const Part>>& after, const Changed& changed) {
  const std::shared_ptr<const Part> none;
  auto a = before.begin();
  auto b = after.begin();
  while (a != before.end() || b != after.end()) {
    if (b == after.end() || (a != before.end() && a->first < b->first)) {
      changed(a->first, a->second, none);
      ++a;
    } else if (a == before.end() || b->first < a->first) {
      changed(b->first, none, b->second);
      ++b;
    } else {
      if (!same(a->second, b->second)) changed(a->first, a->second, b->second);
      ++a;
      ++b;
    }
  }
}

template <class Key, class Part>
bool differs(const PersistentMap<Key, std::shared_ptr<const Part>>& before,
             const PersistentMap<Key, std::shared_ptr<const Part>>& after) {
  bool found = false;
  compare(before, after, [&](const auto&, const auto&, const auto&) { found = true; });
  return found;
}

TopicChange topic_change(const std::shared_ptr<const TopicImage>& before,
                         const std::shared_ptr<const TopicImage>& after) {
  TopicChange change{before, after, {}};
  if (after == nullptr) return change;
  for (size_t i = 0; i < after->partitions.size(); ++i) {
    const PartitionIndex index(static_cast<int32_t>(i));
    const bool is_new = before == nullptr || before->partition(index) == nullptr;
    if (is_new || !same(before->partitions[i], after->partitions[i])) change.partitions.insert(index);
  }
  return change;
}

}  // namespace

MetadataChanges difference(const MetadataImage& before, const MetadataImage& after) {
  MetadataChanges changes;
  compare(before.topics, after.topics,
          [&](const Uuid& id, const auto& a, const auto& b) { changes.topics[id] = topic_change(a, b); });
  compare(before.configs, after.configs,
          [&](const ConfigResource& resource, const auto&, const auto&) { changes.configs.insert(resource); });
  compare(before.brokers, after.brokers, [&](NodeId id, const auto&, const auto&) { changes.brokers.insert(id); });
  compare(before.controllers, after.controllers,
          [&](NodeId id, const auto&, const auto&) { changes.controllers.insert(id); });
  compare(before.scram_credentials, after.scram_credentials,
          [&](const ScramKey& key, const auto&, const auto&) { changes.scram_credentials.insert(key); });
  changes.features = before.features != after.features;
  changes.producer_ids = before.next_producer_id != after.next_producer_id;
  changes.client_quotas = before.client_quotas != after.client_quotas;
  changes.acls = differs(before.acls, after.acls);
  changes.delegation_tokens = differs(before.delegation_tokens, after.delegation_tokens);
  return changes;
}

}  // namespace weir::quorum
