// SparseBytes: the content of a file, in pages, so that a hole takes no room (index files are preallocated).
#pragma once

#include <array>
#include <map>

#include "base/bytes.h"

namespace weir::sim {

class SparseBytes {
 public:
  static constexpr size_t kPageSize = 4096;

  [[nodiscard]] uint64_t size() const { return size_; }
  // Bytes of the pages that were ever written to and not cut off.
  [[nodiscard]] uint64_t allocated() const { return pages_.size() * kPageSize; }
  // Bytes of pages that a write of the range would add.
  [[nodiscard]] uint64_t missing(uint64_t position, uint64_t length) const;

  // Bytes that were read: fewer than asked for only at the end. Holes read as zeros.
  size_t read(uint64_t position, MutableBytes into) const;
  void write(uint64_t position, ByteView bytes);
  // Cuts, or adds a hole.
  void resize(uint64_t size);

 private:
  using Page = std::array<uint8_t, kPageSize>;
  std::map<uint64_t, Page> pages_;  // by position / kPageSize
  uint64_t size_ = 0;
};

}  // namespace weir::sim
