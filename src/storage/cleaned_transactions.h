// CleanedTransactions: what compaction knows of the transactions whose batches it walks over, in order: which were
// aborted, so that their records go; and whether a marker still has batches before it, so that it must stay. Owned by
// one walk over a log; plain code.
#pragma once

#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "protocol/record_batch.h"
#include "storage/transaction_index.h"

namespace weir::storage {

class CleanedTransactions {
 public:
  // `aborted`: all transactions that were aborted and have batches in what is walked over, in any order.
  explicit CleanedTransactions(std::vector<AbortedTransaction> aborted);

  // Whether the records of the batch were aborted. Looks at the header only.
  bool is_aborted(const protocol::RecordBatch& batch);

  struct Marker {
    // No batch of its transaction is left before it.
    bool can_go = false;
    // Of an abort with batches before it: belongs into the transaction index of the compacted segment.
    std::optional<AbortedTransaction> aborted;
  };
  // Takes note of a control batch. kCorrupt when it cannot be read.
  Result<Marker> take_marker(const protocol::RecordBatch& batch);

 private:
  struct Ongoing {
    AbortedTransaction transaction;
    bool has_batches = false;
  };
  void begin_aborted(Offset up_to);

  std::vector<AbortedTransaction> aborted_;  // by first offset
  size_t begun_ = 0;                         // of aborted_
  std::unordered_map<ProducerId, Ongoing> ongoing_aborted_;
  std::unordered_set<ProducerId> ongoing_committed_;
};

}  // namespace weir::storage
