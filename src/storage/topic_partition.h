// The name of a partition as files and folders have it. A plain value; any thread.
#pragma once

#include <compare>
#include <string>

#include "base/types.h"

namespace weir::storage {

struct TopicPartition {
  std::string topic;
  PartitionIndex index;

  // "TOPIC-INDEX": also the name of the partition's folder.
  [[nodiscard]] std::string to_string() const { return topic + "-" + std::to_string(index.value()); }
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

}  // namespace weir::storage
