// FetchedRecords: the batches of one partition from one fetch, and the reading of records out of them. Plain; owned by
// a Consumer, one thread. Format: docs/formats/records.md.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "protocol/record.h"
#include "weir/record.h"

namespace weir::client {

// A transaction that was aborted: the producer's records from an offset on, up to its abort marker, do not count.
struct AbortedTransaction {
  ProducerId producer;
  Offset first;
};

class FetchedRecords {
 public:
  // `batches` lies in the buffer of `source`; it may end in the middle of a batch, which is ignored. Records below
  // `from` are skipped: a fetch begins with the whole batch that holds its offset.
  struct Source {
    Buffer buffer;
    std::string topic;
    PartitionIndex partition;
  };
  FetchedRecords(std::shared_ptr<const Source> source, ByteView batches, Offset from,
                 std::vector<AbortedTransaction> aborted);

  // The offset that a fetch of what follows begins with.
  [[nodiscard]] Offset next_fetch() const { return next_fetch_; }
  [[nodiscard]] size_t size_bytes() const { return size_; }
  // Whether there was not even one whole batch although there were bytes.
  [[nodiscard]] bool is_cut_short() const { return whole_.empty() && size_ > 0; }

  // Appends up to `count` records to `out`, and what they point into to the owners. kCorrupt and the like: the batch at
  // position() cannot be read.
  Result<> read(size_t count, ConsumedRecords& out);
  // The offset of the next record that read() would look at; next_fetch() at the end.
  [[nodiscard]] Offset position() const { return position_; }
  [[nodiscard]] bool at_end() const { return !open_ && rest_.empty(); }

 private:
  Result<> open_next();
  [[nodiscard]] bool is_aborted(const protocol::RecordBatch& batch);

  std::shared_ptr<const Source> source_;
  ByteView whole_;
  ByteView rest_;
  size_t size_;
  Offset position_;
  Offset next_fetch_;
  std::vector<AbortedTransaction> aborted_;  // ascending by `first`, those not yet reached
  std::set<ProducerId> aborting_;            // producers whose records do not count here
  struct Open {
    protocol::RecordBatch batch;
    protocol::RecordCursor cursor;
    std::shared_ptr<const Buffer> decompressed;
  };
  std::optional<Open> open_;
};

}  // namespace weir::client
