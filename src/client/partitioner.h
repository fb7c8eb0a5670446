// Which partition a record without a chosen one goes to. Plain; owned by a Producer, one thread.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "base/seams.h"
#include "client/metadata_cache.h"

namespace weir::client {

class Partitioner {
 public:
  explicit Partitioner(Random& random) : random_(random) {}

  // With a key: by its hash, as all of Kafka's clients do it, so that a key keeps its partition. Without: the topic's
  // current partition, so that batches fill; it moves on with next_keyless(). `topic` has at least one partition.
  PartitionIndex choose(const TopicInfo& topic, const std::optional<std::string>& key);
  // A batch of keyless records was closed: the next one goes elsewhere, to a partition that has a leader if any has.
  void next_keyless(const TopicInfo& topic);

 private:
  Random& random_;
  std::unordered_map<std::string, PartitionIndex> current_;  // one for each topic written to
};

}  // namespace weir::client
