// Reads the marker in a control batch of a producer. Stateless; any thread.
#pragma once

#include <optional>

#include "base/result.h"
#include "protocol/record_batch.h"
#include "storage/producer_state.h"

namespace weir::storage {

// The marker that ends a transaction; nothing for other control records and for a batch that compaction emptied.
// kCorrupt.
Result<std::optional<EndTransaction>> read_end_transaction(const protocol::RecordBatch& batch);

}  // namespace weir::storage
