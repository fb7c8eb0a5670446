// The hash that a group of the consumer protocol keeps of the topics that it reads, so that it notices when they
// change: XXH3 over 64 bits, with the layout that Kafka 4.1 introduced. Stateless; any thread. Format:
// docs/formats/consumer-offsets.md.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "broker/group/topic_catalog.h"

namespace weir::broker {

// Of the topics that exist; 0 for none. `names` are sorted by their UTF-16 units, as Java sorts strings.
int64_t metadata_hash(const TopicCatalog& topics, std::span<const std::string_view> names);

}  // namespace weir::broker
