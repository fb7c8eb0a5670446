// SparseIndex: a file of fixed-size ascending entries (.index and .timeindex) whose newest entries wait in memory until
// there is enough to write, so that appending to a log costs no system call for its indexes. What is lost by that in a
// crash is built anew by recovery. Owned by its segment; the log's thread only.
// Formats: docs/formats/offset-index.md, docs/formats/time-index.md.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "storage/file_pool.h"

namespace weir::storage {

inline constexpr size_t kIndexPendingMax = 4096;  // bytes that wait in memory, one page of the file

// An index of entries of `EntrySize` bytes.
class SparseIndex {
 public:
  static constexpr size_t kEntrySizeMax = 12;
  using Entry = std::array<uint8_t, kEntrySizeMax>;

  explicit SparseIndex(size_t entry_size) : entry_size_(entry_size) {}

  // The file has `entries` entries; nothing waits in memory.
  void reset(uint32_t entries) {
    written_ = entries;
    pending_.clear();
    pending_.shrink_to_fit();
  }
  [[nodiscard]] uint32_t entries() const { return written_ + pending_entries(); }
  [[nodiscard]] bool must_write() const { return pending_.size() >= kIndexPendingMax; }
  [[nodiscard]] size_t pending_bytes() const { return pending_.size(); }

  void append(const uint8_t* entry) { pending_.insert(pending_.end(), entry, entry + entry_size_); }
  // Writes what waits. On an error it waits on. kNoSpace, kIo.
  Result<> write_pending(File& file);
  // Forgets what waits: a gap in a sparse index costs time, not truth.
  void drop_pending() { pending_.clear(); }
  // Entry `i`, read from the file if need be. kWouldBlock, kIo; kCorrupt when the file is shorter than it was.
  Result<Entry> entry(const FileReader& file, uint32_t i) const;
  // How many entries there are at the front for which `before(entry)` holds; it must hold for a prefix.
  template <class Before>
  Result<uint32_t> partition_point(const FileReader& file, Before before) const;
  // Keeps the first `count` entries and cuts the file to what is kept. kIo.
  Result<> truncate(File& file, uint32_t count);

 private:
  [[nodiscard]] uint32_t pending_entries() const { return static_cast<uint32_t>(pending_.size() / entry_size_); }
  // How many of the entries in `block` satisfy before().
  template <class Before>
  uint32_t count_in(ByteView block, Before before) const;
  Result<ByteVector> read_block(const FileReader& file, uint32_t first, uint32_t count) const;

  size_t entry_size_;
  uint32_t written_ = 0;
  ByteVector pending_;
};

template <class Before>
uint32_t SparseIndex::count_in(ByteView block, Before before) const {
  uint32_t low = 0;
  uint32_t high = static_cast<uint32_t>(block.size() / entry_size_);
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (before(block.data() + middle * entry_size_)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

template <class Before>
Result<uint32_t> SparseIndex::partition_point(const FileReader& file, Before before) const {
  // Most look-ups are near the end of the log: try what is in memory first.
  if (!pending_.empty() && before(pending_.data())) return written_ + count_in(pending_, before);
  constexpr uint32_t kBlockEntries = 256;
  uint32_t low = 0;
  uint32_t high = written_;
  while (high - low > kBlockEntries) {
    const uint32_t middle = low + (high - low) / 2;
    TRY_ASSIGN(Entry probe, entry(file, middle));
    if (before(probe.data())) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == high) return low;
  TRY_ASSIGN(ByteVector block, read_block(file, low, high - low));
  return low + count_in(block, before);
}

struct TimeIndexEntry {
  Timestamp timestamp;
  Offset offset;
};

// The two indexes of a segment, as typed entries.
inline constexpr size_t kOffsetEntrySize = 8;
inline constexpr size_t kTimeEntrySize = 12;

void encode_offset_entry(uint8_t* out, int32_t relative_offset, int32_t position);
void encode_time_entry(uint8_t* out, Timestamp timestamp, int32_t relative_offset);

}  // namespace weir::storage
