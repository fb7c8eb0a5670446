// ProducerState: what a log knows of the producers that write to it: their epoch, their last batches (to recognise
// repetitions and gaps) and their open transactions. A plain state machine without I/O, owned by the log, its thread
// only. Its image in a .snapshot file: docs/formats/producer-snapshot.md.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "base/types.h"
#include "protocol/record_batch.h"
#include "storage/transaction_index.h"

namespace weir::storage {

// A batch as the producer state remembers it.
struct ProducerBatch {
  int32_t last_sequence = protocol::kNoSequence;
  int32_t offset_delta = 0;  // last - first
  Offset last_offset = kNoOffset;
  Timestamp timestamp = kNoTimestamp;

  [[nodiscard]] int32_t first_sequence() const;
  [[nodiscard]] Offset first_offset() const { return last_offset - offset_delta; }
};

inline constexpr size_t kProducerBatchesKept = 5;  // as many as a client may have in flight

struct ProducerEntry {
  ProducerEpoch epoch = kNoProducerEpoch;
  uint8_t batch_count = 0;
  std::array<ProducerBatch, kProducerBatchesKept> batches{};  // oldest first
  Timestamp last_timestamp = kNoTimestamp;
  int32_t coordinator_epoch = -1;
  Offset transaction_first_offset = kNoOffset;  // of the open transaction

  [[nodiscard]] int32_t last_sequence() const {
    return batch_count == 0 ? protocol::kNoSequence : batches[batch_count - 1].last_sequence;
  }
  [[nodiscard]] const ProducerBatch* find(int32_t first_sequence, int32_t last_sequence) const;
  void add(const ProducerBatch& batch);
  // Batches of an earlier epoch say nothing of the new one.
  void take_epoch(ProducerEpoch now);
};

// What stands against a client's batch.
enum class ProducerVerdict : uint8_t {
  kAccepted,
  kDuplicate,
  kStaleEpoch,        // INVALID_PRODUCER_EPOCH
  kOutOfSequence,     // OUT_OF_ORDER_SEQUENCE_NUMBER
  kTransactionOpen,   // INVALID_TXN_STATE: a batch outside the producer's open transaction
  kStaleCoordinator,  // TRANSACTION_COORDINATOR_FENCED: a marker of a coordinator that was replaced
};

struct ProducerJudgement {
  ProducerVerdict verdict = ProducerVerdict::kAccepted;
  ProducerBatch duplicate{};  // of kDuplicate: the batch that was appended first
};

// The value of the marker in a control batch of a producer.
struct EndTransaction {
  bool is_abort;
  int32_t coordinator_epoch;
  Timestamp timestamp;
};

class ProducerState {
 public:
  // Judges a data batch of a client before it is appended. `starts_at_zero`: the producer speaks transaction version 2
  // and its first batch here must have sequence 0.
  [[nodiscard]] ProducerJudgement judge(const protocol::RecordBatch& batch, bool starts_at_zero) const;
  // Judges a marker of a transaction coordinator; `epoch_must_grow` as of transaction version 2.
  [[nodiscard]] ProducerVerdict judge_marker(ProducerId id, ProducerEpoch epoch, int32_t coordinator_epoch,
                                             bool epoch_must_grow) const;

  // Takes note of a data batch that was appended at `base_offset`.
  void note(const protocol::RecordBatch& batch, Offset base_offset);
  // Takes note of a marker at `offset`. The entry for the transaction index when a transaction was aborted by it.
  std::optional<AbortedTransaction> note_marker(ProducerId id, ProducerEpoch epoch, Offset offset,
                                                const EndTransaction& marker);
  // All below `end` has been noted.
  void set_end(Offset end) { end_ = end; }
  [[nodiscard]] Offset end() const { return end_; }

  // The first offset of the earliest transaction that is open, or was decided by a marker at or above the high
  // watermark; none: everything is stable.
  [[nodiscard]] std::optional<Offset> first_unstable_offset() const;
  // Forgets decided transactions whose marker is below `high_watermark`.
  void advance_high_watermark(Offset high_watermark);
  // Producers idle longer than `expiration` without an open transaction.
  void expire(Timestamp now, milliseconds expiration);
  void clear();

  // The newest entries of a loaded snapshot take the place of all that was known. kCorrupt; nothing changed then.
  Result<> load_snapshot(ByteView snapshot, Offset end, Timestamp now, milliseconds expiration);
  [[nodiscard]] ByteVector snapshot() const;

  [[nodiscard]] size_t producer_count() const { return producers_.size(); }
  [[nodiscard]] const std::unordered_map<ProducerId, ProducerEntry>& producers() const { return producers_; }
  // Whether any transaction is open or decided above the high watermark.
  [[nodiscard]] bool has_unstable() const { return !open_.empty() || !decided_.empty(); }

 private:
  struct OpenTransaction {
    ProducerId producer_id;
    Offset last_offset = kNoOffset;  // of the marker, when decided
  };

  std::unordered_map<ProducerId, ProducerEntry> producers_;
  std::map<Offset, OpenTransaction> open_;     // by first offset
  std::map<Offset, OpenTransaction> decided_;  // by first offset; the marker is not below the high watermark
  Offset end_{0};
};

}  // namespace weir::storage
