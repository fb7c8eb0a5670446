// Writer: encodes the primitive types of Kafka's protocol into one contiguous pooled buffer.
//
// Owned by whoever encodes; one thread. The bytes of external records (records.h) are not copied: the writer writes
// their length and notes a splice, and the connection inserts the bytes at that position when it sends. Failures (a
// value that the version in use cannot carry) stick until status() takes them. Encodings: as for Reader.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/uuid.h"
#include "protocol/records.h"

namespace weir::protocol {

// `size` bytes, called `index` by whoever made them, go in before the byte at `position` of the written ones.
struct Splice {
  size_t position;
  uint32_t index;
  size_t size;
};

class Writer {
 public:
  static constexpr size_t kCapacityMin = 4096;

  // Nothing is allocated before the first byte is written.
  explicit Writer(size_t capacity_hint = kCapacityMin) : capacity_hint_(capacity_hint) {}
  Writer(Writer&& other) noexcept : capacity_hint_(other.capacity_hint_) { *this = std::move(other); }
  Writer& operator=(Writer&& other) noexcept;

  void boolean(bool value) { put<uint8_t>(value ? 1 : 0); }
  void int8(int8_t value) { put(value); }
  void int16(int16_t value) { put(value); }
  void uint16(uint16_t value) { put(value); }
  void int32(int32_t value) { put(value); }
  void uint32(uint32_t value) { put(value); }
  void int64(int64_t value) { put(value); }
  void float64(double value) { put(std::bit_cast<uint64_t>(value)); }
  void uuid(Uuid value) { value.to_bytes(extend(16)); }
  void unsigned_varint(uint32_t value) {
    if (value < 0x80) [[likely]] {
      put(static_cast<uint8_t>(value));
    } else {
      unsigned_varint_slow(value);
    }
  }
  void varint(int32_t value);
  void varlong(int64_t value);

  // `flexible` chooses compact lengths. A null where the version allows none is a failure that names `field`.
  void string(std::string_view value, bool flexible);
  void nullable_string(const std::optional<std::string_view>& value, bool flexible, bool null_allowed,
                       const char* field);
  void bytes(ByteView value, bool flexible);
  void nullable_bytes(const std::optional<ByteView>& value, bool flexible, bool null_allowed, const char* field);
  void records(const Records& value, bool flexible);
  void nullable_records(const std::optional<Records>& value, bool flexible, bool null_allowed, const char* field);
  void raw(ByteView value);

  // Room for `size` more bytes, uninitialised; the caller fills them before it writes on.
  uint8_t* extend(size_t size) {
    if (size > capacity_ - size_) [[unlikely]]
      grow(size);
    size_ += size;
    return buffer_.data() + (size_ - size);
  }

  void array(size_t count, bool flexible);
  void null_array(bool flexible, bool null_allowed, const char* field);
  void struct_present(bool present, bool tagged, bool null_allowed, const char* field);

  // A tagged field: everything written between the calls is its payload.
  size_t begin_tag(uint32_t number);
  void end_tag(size_t start);

  // Frames: begin_frame() leaves four bytes for the size, end_frame() fills them with the size of what followed,
  // splices included.
  size_t begin_frame();
  void end_frame(size_t start);

  // What was written so far; valid until the next write.
  [[nodiscard]] ByteView view() const { return size_ == 0 ? ByteView{} : ByteView{buffer_.data(), size_}; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] std::span<const Splice> splices() const { return splices_; }
  // Sum of the splices' sizes.
  [[nodiscard]] size_t spliced_size() const { return spliced_size_; }
  // Hands the bytes out and leaves the writer empty; take the splices first.
  SharedBytes release();
  // Drops all that was written from `size` on, e.g. an answer that could not be encoded, and any failure.
  void truncate(size_t size);
  // Starts over in the same buffer.
  void clear() { truncate(0); }

  // Remembers that `field` has a value which the version in use cannot carry. `field` is a literal.
  void fail_unsupported(const char* field) {
    fail(Errc::kUnsupported, field, "has a value that this version cannot carry");
  }
  [[nodiscard]] bool failed() const { return failed_field_ != nullptr; }
  // The first failure since the last call, if any, as an error of `message`. What was written since is not a whole
  // message.
  [[nodiscard]] Result<void> status(std::string_view message, int16_t version);

 private:
  template <class Int>
  void put(Int value) {
    store_be(extend(sizeof(Int)), value);
  }
  void grow(size_t size);
  void unsigned_varint_slow(uint64_t value);
  void length(size_t size, bool flexible, bool wide);
  void null_length(bool flexible, bool wide);
  void fail(Errc code, const char* field, const char* why);

  Buffer buffer_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t capacity_hint_;
  std::vector<Splice> splices_;
  size_t spliced_size_ = 0;
  Errc failure_{};
  const char* failed_field_ = nullptr;
  const char* failed_why_ = nullptr;
};

}  // namespace weir::protocol
