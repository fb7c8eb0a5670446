// A partition by its topic's name. A plain value.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace weir::broker {

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;

  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

}  // namespace weir::broker
