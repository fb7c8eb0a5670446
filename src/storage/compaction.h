// Compaction: one round over a log. First it maps the keys of the dirty part, as far as its memory goes; then it copies
// what stays of the segments up to there, group by group, into new files beside the log. It reads and writes files and
// knows nothing of the Log, which takes each new segment in before the round goes on (Log::swap_in). In small steps, so
// that a disk thread is never taken for long and the caller can slow it down or give it up between them. One thread at
// a time; blocks.
#pragma once

#include <memory>
#include <optional>

#include "storage/compaction_plan.h"
#include "storage/entry_scanner.h"

namespace weir::storage {

struct CompactionMemory {
  size_t map_bytes;
  double map_load_factor;
  size_t io_buffer_bytes;  // of each of two buffers; a batch that is larger takes what it needs
  HashSeed seed;           // random
};

struct CompactionStats {
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
  uint64_t bytes_mapped = 0;  // of bytes_read
  uint64_t keys = 0;
  double map_used = 0;
};

class Compaction {
 public:
  Compaction(Disk& disk, CompactionPlan plan, const CompactionMemory& memory);
  ~Compaction();

  enum class Step : uint8_t {
    kMore,
    kSegment,  // segment() is ready to take its place
    kDone,
  };
  // Goes on for about `bytes` of what it reads. kCorrupt: a source is damaged. kUnsupported: it has messages of magic
  // 0 or 1. kTooLarge: a batch decompresses to more than is allowed. kNotFound: a source is gone. kNoSpace, kIo.
  Result<Step> step(size_t bytes);
  [[nodiscard]] const CompactedSegment& segment() const { return *segment_; }
  // Removes the files of a segment that is not to take its place. kIo.
  Result<> discard();
  // When the round is done: all below was seen.
  [[nodiscard]] Offset end() const { return mapped_before_; }
  [[nodiscard]] const CompactionStats& stats() const { return stats_; }

 private:
  // Reads the source at next_source_; nothing when the walk is over.
  Result<std::optional<Entry>> next_entry();
  Result<> map_some(size_t bytes);
  Result<> map_entry(const Entry& entry);
  Result<> map_records(const protocol::RecordBatch& batch);
  void begin_copying();
  Result<Step> copy_some(size_t bytes);
  Result<> begin_group();
  Result<> copy_entry(const Entry& entry);
  Result<> write_out();
  Result<> finish_group();

  Disk& disk_;
  CompactionPlan plan_;
  CompactionMemory memory_;
  LogFiles files_;
  OffsetMap map_;
  CleanedTransactions mapped_transactions_;
  Offset mapped_before_;
  bool mapping_ = true;
  bool map_full_ = false;
  std::optional<BatchFilter> filter_;
  std::vector<SegmentGroup> groups_;
  size_t group_ = 0;
  // The walk over the sources.
  size_t next_source_ = 0;
  size_t sources_end_ = 0;
  std::shared_ptr<File> source_;
  std::optional<EntryScanner> scanner_;
  // What is written.
  std::unique_ptr<Segment> cleaned_;
  ByteVector out_;
  std::vector<AppendedBatch> out_batches_;
  std::optional<CompactedSegment> segment_;
  CompactionStats stats_;
};

}  // namespace weir::storage
