// Reader: decodes the primitive types of Kafka's protocol from a request, a response or a record.
//
// A Reader is a cursor on the stack of whoever decodes; it belongs to one thread and owns nothing, and what it returns
// are views into the bytes it was made of. Input is not trusted: each length and count is checked against the bytes
// that are left before anything is allocated for it. The first failure sticks and empties the reader, so that callers
// read a whole struct and look once. Encodings: docs/formats/records.md (varints) and the protocol guide of Kafka
// (everything else).
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/uuid.h"
#include "protocol/records.h"

namespace weir::protocol {

class Reader {
 public:
  explicit Reader(ByteView bytes) : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // Fixed-size types. Past the end they give zero and the reader has failed.
  bool boolean() { return take<int8_t>() != 0; }
  int8_t int8() { return take<int8_t>(); }
  int16_t int16() { return take<int16_t>(); }
  uint16_t uint16() { return take<uint16_t>(); }
  int32_t int32() { return take<int32_t>(); }
  uint32_t uint32() { return take<uint32_t>(); }
  int64_t int64() { return take<int64_t>(); }
  double float64() { return std::bit_cast<double>(take<uint64_t>()); }
  Uuid uuid() {
    if (remaining() < 16) [[unlikely]]
      return fail("a uuid runs past the end"), Uuid{};
    at_ += 16;
    return Uuid::from_bytes(at_ - 16);
  }

  // Variable-length integers: unsigned ones of 32 bits, zig-zag ones of 32 and 64 bits.
  uint32_t unsigned_varint() {
    if (at_ != end_ && *at_ < 0x80) [[likely]]
      return *at_++;
    return unsigned_varint_slow();
  }
  int32_t varint();
  int64_t varlong();

  // `flexible` chooses compact lengths. A null where none is allowed is a failure.
  std::string_view string(bool flexible);
  std::optional<std::string_view> nullable_string(bool flexible, bool null_allowed);
  ByteView bytes(bool flexible);
  std::optional<ByteView> nullable_bytes(bool flexible, bool null_allowed);
  Records records(bool flexible) { return Records(bytes(flexible)); }
  std::optional<Records> nullable_records(bool flexible, bool null_allowed);
  ByteView raw(size_t size);

  // The number of elements of an array whose encoded elements have at least `element_size_min` bytes, or nothing for a
  // null array. Fails, with a result of 0, when the bytes that are left cannot hold that many.
  std::optional<size_t> nullable_array(bool flexible, size_t element_size_min, bool null_allowed);
  size_t array(bool flexible, size_t element_size_min);
  // The marker before a nullable struct: true when the struct follows. In a tagged field null is 0, elsewhere it is -1.
  bool struct_present(bool tagged, bool null_allowed);

  // A tagged section: for (n = tag_count(); n > 0 && !failed(); --n) { Tag tag = begin_tag(); ... end_tag(tag) }.
  // Between the two calls the reader ends where the field ends; an unknown field is skipped with skip_rest().
  struct Tag {
    uint32_t number;
    const uint8_t* outer_end;
  };
  uint32_t tag_count() { return unsigned_varint(); }
  Tag begin_tag();
  void end_tag(Tag tag);
  void skip_rest() { at_ = end_; }
  void skip_tags() {
    if (at_ != end_ && *at_ == 0) [[likely]] {
      ++at_;
    } else {
      skip_tags_slow();
    }
  }

  [[nodiscard]] size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  [[nodiscard]] size_t position() const { return static_cast<size_t>(at_ - begin_); }
  [[nodiscard]] ByteView rest() const { return {at_, remaining()}; }
  [[nodiscard]] bool failed() const { return failure_ != nullptr; }
  // `why` is a literal that says what is wrong with the bytes at the current position.
  void fail(const char* why);

  // kCorrupt with what failed and where, or nothing. The caller closes the connection or rejects the record.
  [[nodiscard]] Result<void> status(std::string_view message, int16_t version) const;
  // kCorrupt when bytes are left behind the last field.
  [[nodiscard]] Result<void> expect_end(std::string_view message) const;

 private:
  template <class Int>
  Int take() {
    if (remaining() < sizeof(Int)) [[unlikely]]
      return fail("a number runs past the end"), Int{};
    at_ += sizeof(Int);
    return load_be<Int>(at_ - sizeof(Int));
  }
  uint32_t unsigned_varint_slow();
  void skip_tags_slow();
  // The length of a string, a byte array or an array: -1 for null, checked to be at most what is left.
  int64_t length(bool flexible, bool wide);

  const uint8_t* begin_;
  const uint8_t* at_;
  const uint8_t* end_;
  const char* failure_ = nullptr;
  size_t failure_position_ = 0;
};

}  // namespace weir::protocol
