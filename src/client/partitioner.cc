#include "client/partitioner.h"

#include "protocol/hash.h"

namespace weir::client {

PartitionIndex Partitioner::choose(const TopicInfo& topic, const std::optional<std::string>& key) {
  const auto count = static_cast<int32_t>(topic.partitions.size());
  if (key) return PartitionIndex(protocol::partition_for_key(as_bytes(*key), count));
  if (!current_.contains(topic.name)) next_keyless(topic);
  return current_.at(topic.name);
}

void Partitioner::next_keyless(const TopicInfo& topic) {
  std::vector<PartitionIndex> led;
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    if (topic.partitions[i].leader != kNoNode) led.emplace_back(static_cast<int32_t>(i));
  }
  const auto known = current_.find(topic.name);
  if (known != current_.end() && led.size() > 1) std::erase(led, known->second);
  const auto any = PartitionIndex(static_cast<int32_t>(random_.below(topic.partitions.size())));
  current_[topic.name] = led.empty() ? any : led[random_.below(led.size())];
}

}  // namespace weir::client
