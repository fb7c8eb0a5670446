// The checks that a leader makes of a batch before it takes it, in Kafka's order, and the changes that the topic's
// settings ask for. Stateless; any thread. What is not checked, and why:
// docs/decisions/0003-header-checks-of-produced-batches.md.
#pragma once

#include <expected>

#include "base/buffer.h"
#include "base/bytes.h"
#include "storage/append.h"
#include "storage/log_config.h"

namespace weir::storage {

// A batch that may be appended once its offset and epoch are set.
struct CheckedBatch {
  MutableBytes bytes;
  Buffer rebuilt;  // holds the bytes of a batch that was compressed anew
};

// Checks `batch` and brings it to the topic's codec and timestamp type. It may be changed in place, whatever comes out.
std::expected<CheckedBatch, AppendError> check_leader_batch(MutableBytes batch, const LogConfig& config,
                                                            const LeaderAppend& append);

// The most bytes that the records of one batch may decompress to, where they must be looked at.
inline constexpr size_t kOpenedBatchSizeMax = size_t{64} << 20;

}  // namespace weir::storage
