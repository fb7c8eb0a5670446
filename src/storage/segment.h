// Segment: one .log file with its indexes: appends at its end, finds batches by offset and by time, is cut and
// recovered. Owned by its Log, the same thread. Formats: docs/formats/segment.md, offset-index.md, time-index.md,
// transaction-index.md.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/entry_scanner.h"
#include "storage/file_pool.h"
#include "storage/sparse_index.h"
#include "storage/transaction_index.h"

namespace weir::storage {

// What a segment needs to know of a batch that is appended to it.
struct AppendedBatch {
  size_t size;
  Offset base_offset;
  Offset last_offset;
  Timestamp max_timestamp;
};

// Where an offset is found.
struct FoundEntry {
  uint64_t position;
  size_t size;
  Offset base_offset;
  Offset last_offset;
};

struct SegmentLimits {
  int32_t index_size_max;
  int32_t index_interval;
};

class Segment {
 public:
  // A segment whose files are there; the numbers of their bytes come from the directory.
  struct FileSizes {
    uint64_t log = 0;
    std::optional<uint64_t> offset_index;
    std::optional<uint64_t> time_index;
    std::optional<uint64_t> transaction_index;
    Timestamp modified = kNoTimestamp;
  };
  // `mark` is what the names of its files end in while it is no part of the log yet (kCleanedSuffix, kSwapSuffix).
  Segment(LogFiles& files, Offset base_offset, const FileSizes& sizes, std::string_view mark = {});
  // Makes the files of a new segment, in place of any that are there. kNoSpace, kIo.
  static Result<std::unique_ptr<Segment>> create(LogFiles& files, Offset base_offset, Timestamp now,
                                                 std::string_view mark = {});

  [[nodiscard]] Offset base_offset() const { return base_offset_; }
  [[nodiscard]] uint64_t size() const { return size_; }
  // Whether `last_offset` is within what the indexes can name.
  [[nodiscard]] bool covers(Offset last_offset) const {
    return last_offset >= base_offset_ && last_offset - base_offset_ <= INT32_MAX;
  }
  [[nodiscard]] bool index_full(const SegmentLimits& limits) const;
  [[nodiscard]] FileSizes file_sizes() const;

  // ---- appending
  // Writes `bytes` at the end. On an error nothing of them stays: what was written is cut off, at the latest before the
  // next write. kNoSpace, kIo.
  Result<> write(std::span<const ByteView> bytes);
  // Takes note of a batch that write() wrote, in order.
  void note(const AppendedBatch& batch, Timestamp now, const SegmentLimits& limits);
  // An entry of the transaction index; what cannot be written now waits in memory.
  void add_aborted(const AbortedTransaction& transaction);

  // ---- reading
  // On a loop all of these may also end in kWouldBlock: LogFiles::missed() says what to bring in before the next try.
  // The first entry that ends at or above `offset`; nothing when all end below. kCorrupt, kIo.
  Result<std::optional<FoundEntry>> find(Offset offset);
  // The first entry from `from` on whose greatest timestamp is `timestamp` or later: to be opened by the caller.
  Result<std::optional<Entry>> find_timestamp(Timestamp timestamp, Offset from);
  // An offset that is not below any of an entry which begins below `position`: for bounds, rough to an index interval.
  Result<std::optional<Offset>> offset_bound(uint64_t position);
  Result<std::shared_ptr<File>> log_file();
  // Of all records. kCorrupt, kIo.
  Result<TimeIndexEntry> max_timestamp();
  // What retention goes by: the greatest timestamp of a record, else when the file was last written.
  Result<Timestamp> retention_timestamp();
  // Of the first batch; -1 when there is none.
  Result<Timestamp> first_timestamp();
  [[nodiscard]] Timestamp created() const { return created_; }
  Result<std::vector<AbortedTransaction>> aborted();
  // Behind the last entry; the base offset when empty. Reads headers behind the last index entry.
  Result<Offset> next_offset();

  // ---- changing
  // The segment takes no more: the closing time index entry is added, all index entries go to their files.
  Result<> finish();
  // Writes the index entries that wait in memory.
  Result<> write_indexes();
  // Cuts off everything from the entry that holds `end` on.
  Result<> truncate_to(Offset end, Timestamp now);
  // Empties the indexes, checks every entry, builds the indexes anew and cuts the log behind the last good entry.
  // `visit` sees each good entry, in order, with the scanner for its bytes. True when something was cut off.
  using Visit = std::function<Result<>(const Entry&, EntryScanner&)>;
  Result<bool> recover(Offset from, const SegmentLimits& limits, const Visit& visit);
  // Whether the indexes are sane enough to be trusted after a crash in which they were not being written.
  Result<bool> indexes_sane();

  // ---- files
  Result<> add_log_file(std::vector<std::shared_ptr<File>>& files);
  // The indexes, when they were written since they were last synced.
  Result<> add_unsynced_indexes(std::vector<std::shared_ptr<File>>& files);
  void indexes_synced() { indexes_unsynced_ = false; }
  void close_files();
  // Gives its files names that end in `mark`. Does the rest when an earlier call failed in between. kNoSpace, kIo.
  Result<> rename_files(std::string_view mark);
  // Removes its files, as far as there are any. kIo.
  Result<> remove_files();
  // All that the segment may have.
  [[nodiscard]] std::vector<std::string> paths() const;
  // Renames all files to NAME.deleted and adds the new paths to `renamed`.
  Result<> mark_deleted(std::vector<std::string>& renamed);

 private:
  [[nodiscard]] std::string path(std::string_view suffix) const;
  Result<std::shared_ptr<File>> file(PooledFile& slot, std::string_view suffix, OpenMode mode);
  Result<std::shared_ptr<File>> offset_index_file() { return file(offset_slot_, ".index", OpenMode::kCreate); }
  Result<std::shared_ptr<File>> time_index_file() { return file(time_slot_, ".timeindex", OpenMode::kCreate); }
  Result<std::shared_ptr<File>> transaction_file() { return file(transaction_slot_, ".txnindex", OpenMode::kCreate); }
  // The entry that holds `offset`, when it is among the last that were appended.
  [[nodiscard]] std::optional<FoundEntry> find_recent(Offset offset) const;
  // Position of an entry at or before the one that holds `offset`.
  Result<uint64_t> position_before(Offset offset);
  Result<std::optional<TimeIndexEntry>> last_time_entry();
  Result<> load_max_timestamp();
  void add_index_entries(Offset last_offset, uint64_t position);
  void add_time_entry();
  Result<> reset_indexes();
  Result<> truncate_indexes(Offset end);
  Result<> write_aborted();

  LogFiles& files_;
  Offset base_offset_;
  std::string_view mark_;
  uint64_t size_ = 0;
  uint64_t noted_size_ = 0;  // of what note() was told of
  uint64_t bytes_since_index_ = 0;
  Timestamp created_ = kNoTimestamp;
  Timestamp modified_ = kNoTimestamp;
  Timestamp first_timestamp_ = kNoTimestamp;
  TimeIndexEntry max_timestamp_{kNoTimestamp, kNoOffset};
  Timestamp last_time_entry_ = kNoTimestamp;  // timestamp of the last time index entry, when known_
  bool max_timestamp_known_ = true;
  // How far the search for it came when it had to wait for the device.
  struct MaxTimestampSearch {
    TimeIndexEntry max;
    uint64_t position;
  };
  std::optional<MaxTimestampSearch> max_timestamp_search_;
  bool first_timestamp_known_ = true;
  bool has_transaction_index_ = false;
  bool indexes_unsynced_ = false;
  bool tail_uncut_ = false;  // a failed write left bytes behind the end
  // The last entries that were appended, by recent_count_ modulo the size: consumers at the end are served without a
  // look into the file. Enough for those that come a little late.
  std::array<FoundEntry, 8> recent_{};
  size_t recent_count_ = 0;
  std::vector<AbortedTransaction> unwritten_aborted_;
  SparseIndex offset_index_{kOffsetEntrySize};
  SparseIndex time_index_{kTimeEntrySize};
  PooledFile log_slot_;
  PooledFile offset_slot_;
  PooledFile time_slot_;
  PooledFile transaction_slot_;
};

}  // namespace weir::storage
