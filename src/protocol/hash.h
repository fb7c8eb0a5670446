// The hashes that clients and servers of Kafka must agree on. Stateless; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace weir::protocol {

// Murmur2 with the seed of Kafka's producers, which choose a partition by it.
int32_t murmur2(ByteView key);
// The partition of a record with a key, as the default partitioner of Kafka's clients has it; partition_count > 0.
int32_t partition_for_key(ByteView key, int32_t partition_count);

// String.hashCode of Java: over the UTF-16 code units of `text`, which is UTF-8. Bytes that are no UTF-8 count as
// U+FFFD.
int32_t java_string_hash(std::string_view text);
// The partition of an internal topic that holds a group or a transactional id; partition_count > 0.
int32_t partition_for_id(std::string_view id, int32_t partition_count);

}  // namespace weir::protocol
