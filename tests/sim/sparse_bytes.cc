#include "sim/sparse_bytes.h"

#include <algorithm>

namespace weir::sim {

uint64_t SparseBytes::missing(uint64_t position, uint64_t length) const {
  if (length == 0) return 0;
  uint64_t pages = 0;
  for (uint64_t page = position / kPageSize; page <= (position + length - 1) / kPageSize; ++page) {
    if (!pages_.contains(page)) ++pages;
  }
  return pages * kPageSize;
}

size_t SparseBytes::read(uint64_t position, MutableBytes into) const {
  if (position >= size_) return 0;
  const size_t total = std::min<uint64_t>(into.size(), size_ - position);
  for (size_t done = 0; done < total;) {
    const size_t within = (position + done) % kPageSize;
    const size_t count = std::min(total - done, kPageSize - within);
    const auto page = pages_.find((position + done) / kPageSize);
    if (page == pages_.end()) {
      std::memset(into.data() + done, 0, count);
    } else {
      std::memcpy(into.data() + done, page->second.data() + within, count);
    }
    done += count;
  }
  return total;
}

void SparseBytes::write(uint64_t position, ByteView bytes) {
  if (bytes.empty()) return;
  for (size_t done = 0; done < bytes.size();) {
    const size_t within = (position + done) % kPageSize;
    const size_t count = std::min(bytes.size() - done, kPageSize - within);
    Page& page = pages_.try_emplace((position + done) / kPageSize, Page{}).first->second;
    std::memcpy(page.data() + within, bytes.data() + done, count);
    done += count;
  }
  size_ = std::max<uint64_t>(size_, position + bytes.size());
}

void SparseBytes::resize(uint64_t size) {
  if (size < size_) {
    pages_.erase(pages_.lower_bound((size + kPageSize - 1) / kPageSize), pages_.end());
    // What comes back into the file later is zeros, not what was cut off.
    const auto last = pages_.find(size / kPageSize);
    if (last != pages_.end())
      std::fill(last->second.begin() + static_cast<ptrdiff_t>(size % kPageSize), last->second.end(), uint8_t{0});
  }
  size_ = size;
}

}  // namespace weir::sim
