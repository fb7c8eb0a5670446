// Records: the value of a `records` field of a message: record batches, as bytes or as a stand-in for bytes that live
// elsewhere. A view: it owns nothing. Format of the bytes: docs/formats/records.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace weir::protocol {

class Records {
 public:
  Records() = default;
  explicit Records(ByteView batches) : bytes_(batches), size_(batches.size()) {}
  // `size` bytes that the writer of the connection inserts itself, e.g. a range of a segment file sent with sendfile.
  // `index` is the caller's name for them and comes back in Writer::splices().
  static Records external(uint32_t index, size_t size) {
    Records records;
    records.size_ = size;
    records.index_ = index;
    records.external_ = true;
    return records;
  }

  [[nodiscard]] bool is_external() const { return external_; }
  // Empty when the records are external.
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] uint32_t index() const { return index_; }

 private:
  ByteView bytes_;
  size_t size_ = 0;
  uint32_t index_ = 0;
  bool external_ = false;
};

}  // namespace weir::protocol
