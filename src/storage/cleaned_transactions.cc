#include "storage/cleaned_transactions.h"

#include <algorithm>

#include "storage/end_transaction.h"

namespace weir::storage {

CleanedTransactions::CleanedTransactions(std::vector<AbortedTransaction> aborted) : aborted_(std::move(aborted)) {
  std::ranges::sort(aborted_, {}, &AbortedTransaction::first_offset);
}

void CleanedTransactions::begin_aborted(Offset up_to) {
  for (; begun_ < aborted_.size() && aborted_[begun_].first_offset <= up_to; ++begun_) {
    ongoing_aborted_.try_emplace(aborted_[begun_].producer_id, Ongoing{.transaction = aborted_[begun_]});
  }
}

bool CleanedTransactions::is_aborted(const protocol::RecordBatch& batch) {
  begin_aborted(batch.last_offset());
  if (!batch.is_transactional()) return false;
  const auto aborted = ongoing_aborted_.find(batch.producer_id());
  if (aborted == ongoing_aborted_.end()) {
    ongoing_committed_.insert(batch.producer_id());
    return false;
  }
  aborted->second.has_batches = true;
  return true;
}

Result<CleanedTransactions::Marker> CleanedTransactions::take_marker(const protocol::RecordBatch& batch) {
  begin_aborted(batch.last_offset());
  // One that was emptied before says nothing any more.
  if (batch.record_count() == 0) return Marker{.can_go = true};
  TRY_ASSIGN(const std::optional<EndTransaction> marker, read_end_transaction(batch));
  // Not a marker of a transaction: nothing says that it has had its time.
  if (!marker) return Marker{.can_go = false};
  if (!marker->is_abort) return Marker{.can_go = ongoing_committed_.erase(batch.producer_id()) == 0};
  const auto ongoing = ongoing_aborted_.extract(batch.producer_id());
  if (ongoing.empty() || !ongoing.mapped().has_batches) return Marker{.can_go = true};
  return Marker{.can_go = false, .aborted = ongoing.mapped().transaction};
}

}  // namespace weir::storage
