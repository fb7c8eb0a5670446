// BatchFilter: what compaction leaves of each batch of a log, seen in order. A state machine without I/O, owned by one
// Compaction. The rules are Kafka's: of the records that the map covers the newest of each key stays; a tombstone and a
// marker without a transaction stay until the delete horizon that their first compaction gives them; aborted records
// go; a batch stays, if need be without records, where it is what tells the last sequence or epoch of a producer, or
// where the round ends. Formats: docs/formats/records.md.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "protocol/record.h"
#include "protocol/writer.h"
#include "storage/cleaned_transactions.h"
#include "storage/offset_map.h"

namespace weir::storage {

// What the log knows of a producer's last batch.
struct LastRecord {
  std::optional<Offset> data_offset;  // of its last record; none: its epoch was raised by a marker since
  ProducerEpoch epoch;
};
using LastRecords = std::unordered_map<ProducerId, LastRecord>;

struct FilterRules {
  Offset mapped_before{0};  // the map knows all keys below; records from here on stay
  Offset round_end{0};      // the batch that ends here stays
  Timestamp now;
  Timestamp delete_horizon;  // of tombstones that are seen for the first time
};

class BatchFilter {
 public:
  // `map`, `producers` outlive the filter.
  BatchFilter(const OffsetMap& map, const HashSeed& seed, const LastRecords& producers,
              std::vector<AbortedTransaction> aborted, const FilterRules& rules)
      : map_(map), seed_(seed), producers_(producers), transactions_(std::move(aborted)), rules_(rules) {}

  struct Outcome {
    // The batch as it was, or one in a buffer of the filter; valid until the next call. Empty: nothing stays.
    ByteView bytes;
    std::optional<AbortedTransaction> aborted;  // for the transaction index of what is written
  };
  // `batch` is whole and of magic 2. kCorrupt: it is damaged. kTooLarge: it decompresses to more than is allowed.
  Result<Outcome> filter(const protocol::RecordBatch& batch);

 private:
  struct Kept {
    int32_t records = 0;
    bool has_tombstone = false;
    Timestamp base_timestamp = kNoTimestamp;
    Timestamp max_timestamp = kNoTimestamp;
  };
  [[nodiscard]] bool must_keep_header(const protocol::RecordBatch& batch) const;
  [[nodiscard]] bool stays(const protocol::RecordBatch& batch, const protocol::Record& record,
                           const KeyHash& hash) const;
  Result<ByteView> filter_records(const protocol::RecordBatch& batch, bool marker_begins_to_go);
  // Writes the records that stay into records_; with a horizon their times count from there.
  Result<Kept> write_kept(const protocol::RecordBatch& batch, protocol::RecordCursor cursor,
                          std::optional<Timestamp> horizon);
  void write_record(const protocol::Record& record, Timestamp base_timestamp);
  ByteView finish(const protocol::RecordBatch& batch, const Kept& kept, bool has_horizon);
  ByteView emptied(const protocol::RecordBatch& batch);

  const OffsetMap& map_;
  HashSeed seed_;
  const LastRecords& producers_;
  CleanedTransactions transactions_;
  FilterRules rules_;
  // Kept for the next batch. Both have room for the header in front.
  protocol::Writer records_;
  protocol::Writer compressed_;
};

}  // namespace weir::storage
