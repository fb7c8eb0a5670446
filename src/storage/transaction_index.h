// The entries of a .txnindex file: transactions that were aborted in a segment. Stateless; who calls owns the file.
// Format: docs/formats/transaction-index.md.
#pragma once

#include <vector>

#include "base/seams.h"
#include "storage/file_pool.h"

namespace weir::storage {

struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;         // of the marker
  Offset last_stable_offset;  // after the marker
  friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};

inline constexpr size_t kAbortedTransactionSize = 34;

Result<> append_aborted(File& file, const AbortedTransaction& transaction);
// kCorrupt for an unknown version, for offsets out of order, and for half an entry at the end; kWouldBlock, kIo.
Result<std::vector<AbortedTransaction>> read_aborted(const FileReader& file);
// Keeps the entries whose marker is below `end`.
Result<> truncate_aborted(File& file, Offset end);

}  // namespace weir::storage
