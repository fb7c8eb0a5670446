// GroupLog: the partition of __consumer_offsets behind one coordinator, as the coordinator sees it. Implemented over
// the partition that this broker leads; loop thread of the partition only. Format of the records:
// docs/formats/consumer-offsets.md.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/task.h"
#include "base/types.h"

namespace weir::broker {

struct CoordinatorRecord {
  ByteVector key;
  std::optional<ByteVector> value;  // none: a tombstone

  [[nodiscard]] size_t size() const { return key.size() + (value ? value->size() : 0); }
  friend bool operator==(const CoordinatorRecord&, const CoordinatorRecord&) = default;
};

// Receives what a log holds, in the order of the log. The views are valid during the call.
class GroupLogReader {
 public:
  virtual ~GroupLogReader() = default;
  // `producer` is kNoProducerId unless the record is part of a transaction.
  virtual void on_record(Offset offset, ProducerId producer, ByteView key, std::optional<ByteView> value) = 0;
  // The end of the producer's transaction in this partition.
  virtual void on_marker(ProducerId producer, bool committed) = 0;
};

class GroupLog {
 public:
  virtual ~GroupLog() = default;

  // Appends the records as one batch with acks=all and completes when the outcome is known: the offset of the first
  // record once all are committed (below the high watermark), or an error if they are surely not in the log. The
  // records stay alive until then, and no other append is begun before. Errors: kUnavailable and kClosed (not the
  // leader any more), kIo, kNoSpace, kBusy (too few replicas in sync), kTooLarge (over max.message.bytes).
  virtual Task<Result<Offset>> append(std::span<const CoordinatorRecord> records) = 0;

  // The sum of key and value sizes that surely fits a batch, e.g. half of max.message.bytes. More is tried only when a
  // single decision needs it.
  [[nodiscard]] virtual size_t batch_size_max() const = 0;

  // Waits until all that is in the log is committed, and hands every record of it to `reader`; also those of open
  // transactions.
  virtual Task<Result<void>> read_all(GroupLogReader& reader) = 0;
};

}  // namespace weir::broker
