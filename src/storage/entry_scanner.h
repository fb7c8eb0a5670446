// EntryScanner: walks the entries (record batches, and messages of magic 0 and 1) of a .log file by their headers.
// One thread; waits for the device as its FileReader does. Format: docs/formats/segment.md.
#pragma once

#include <optional>

#include "base/buffer.h"
#include "base/seams.h"
#include "protocol/record_batch.h"
#include "storage/file_pool.h"

namespace weir::storage {

struct Entry {
  uint64_t position = 0;
  size_t size = 0;
  int8_t magic = 0;
  Offset base_offset;  // magic 0 and 1: the last one too, the first inside a wrapper is not in its header
  Offset last_offset;
  Timestamp max_timestamp;
  // Of magic 2 only: the header, or the batch where all of it is at hand; a view of what the entry was found in.
  std::optional<protocol::RecordBatch> header;
};

// The entry at the front of `start`, by its header, which `frame` is of; it may be longer than `start`. kCorrupt when
// it has offsets that cannot be.
Result<Entry> entry_of(ByteView start, const protocol::EntryFrame& frame, uint64_t position);
// Takes a whole entry at the front of `bytes` off it. kCorrupt: it is cut short, or none.
Result<Entry> take_entry(ByteView& bytes);

class EntryScanner {
 public:
  // Reads [from, end) of `file`, `chunk` bytes at a time.
  EntryScanner(FileReader file, uint64_t from, uint64_t end, size_t chunk);

  // The next entry by its header; nothing at the end. kCorrupt when what is there is none, or is cut off by the end;
  // kWouldBlock, kIo.
  Result<std::optional<Entry>> next();
  // Checks header and checksum of the entry that next() gave last. Reads all of it, and renews the view of its header.
  // kCorrupt, kWouldBlock, kIo.
  Result<> check(Entry& entry);
  // The whole entry; valid until the scanner is used again. kWouldBlock, kIo.
  Result<ByteView> bytes(const Entry& entry);
  // Where the next entry begins: behind the last good one.
  [[nodiscard]] uint64_t position() const { return next_; }

 private:
  Result<ByteView> load(uint64_t position, size_t size);

  FileReader file_;
  uint64_t next_;
  uint64_t end_;
  size_t chunk_;
  Buffer buffer_;
  uint64_t window_ = 0;  // position of the first byte in the buffer
  size_t filled_ = 0;
};

inline constexpr size_t kHeaderChunk = size_t{4} << 10;    // to find an entry near an index entry
inline constexpr size_t kRecoveryChunk = size_t{1} << 20;  // to read all

}  // namespace weir::storage
