#include "storage/end_transaction.h"

#include "protocol/control_record.h"
#include "protocol/record.h"

namespace weir::storage {

Result<std::optional<EndTransaction>> read_end_transaction(const protocol::RecordBatch& batch) {
  if (batch.record_count() == 0) return std::nullopt;
  // Control batches are never compressed.
  TRY_ASSIGN(protocol::OpenBatch open, protocol::open_batch(batch, batch.size()));
  TRY_ASSIGN(std::optional<protocol::Record> record, open.cursor.next());
  if (!record || !record->key) return fail(Errc::kCorrupt, "a control batch without a key");
  TRY_ASSIGN(protocol::ControlType type, protocol::parse_control_key(*record->key));
  if (type != protocol::ControlType::kAbort && type != protocol::ControlType::kCommit) return std::nullopt;
  if (!record->value) return fail(Errc::kCorrupt, "a transaction marker without a value");
  TRY_ASSIGN(int32_t coordinator_epoch, protocol::parse_end_txn_marker(*record->value));
  return EndTransaction{type == protocol::ControlType::kAbort, coordinator_epoch, record->timestamp};
}

}  // namespace weir::storage
