// A partition by the id of its topic, which no later topic of the same name has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/types.h"
#include "base/uuid.h"

namespace weir::broker {

struct PartitionKey {
  Uuid topic_id;
  PartitionIndex index;
  friend bool operator==(const PartitionKey&, const PartitionKey&) = default;
};

struct PartitionKeyHash {
  size_t operator()(const PartitionKey& key) const noexcept {
    return std::hash<Uuid>{}(key.topic_id) + static_cast<size_t>(key.index.value()) * 0x9e3779b97f4a7c15ULL;
  }
};

}  // namespace weir::broker
