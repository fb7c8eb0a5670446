#include "protocol/reader.h"

#include <fmt/format.h>

#include "protocol/varint.h"

namespace weir::protocol {
void Reader::fail(const char* why) {
  if (failure_ != nullptr) return;
  failure_ = why;
  failure_position_ = position();
  at_ = end_;
}

uint32_t Reader::unsigned_varint_slow() {
  uint32_t value;
  if (!take_unsigned_varint(at_, end_, value)) return fail("a varint runs past the end or is too long"), 0;
  return value;
}

int32_t Reader::varint() { return unzigzag(unsigned_varint()); }

int64_t Reader::varlong() {
  int64_t value;
  if (!take_varlong(at_, end_, value)) return fail("a varlong runs past the end or is too long"), 0;
  return value;
}

int64_t Reader::length(bool flexible, bool wide) {
  int64_t size = flexible ? static_cast<int64_t>(unsigned_varint()) - 1 : wide ? int64_t{int32()} : int64_t{int16()};
  if (failed() || size < 0) return -1;
  if (static_cast<uint64_t>(size) > remaining()) return fail("a length is greater than what is left"), -1;
  return size;
}

std::optional<std::string_view> Reader::nullable_string(bool flexible, bool null_allowed) {
  int64_t size = length(flexible, false);
  if (size < 0) {
    if (!null_allowed) fail("a string is null that must not be");
    return std::nullopt;
  }
  // The length field of the inflexible form has 16 bits; longer strings in the compact form could not be passed on.
  if (size > INT16_MAX) return fail("a string is longer than 32767 bytes"), std::nullopt;
  at_ += size;
  return as_text({at_ - size, static_cast<size_t>(size)});
}

std::string_view Reader::string(bool flexible) { return nullable_string(flexible, false).value_or(std::string_view{}); }

std::optional<ByteView> Reader::nullable_bytes(bool flexible, bool null_allowed) {
  int64_t size = length(flexible, true);
  if (size < 0) {
    if (!null_allowed) fail("a byte array is null that must not be");
    return std::nullopt;
  }
  at_ += size;
  return ByteView{at_ - size, static_cast<size_t>(size)};
}

ByteView Reader::bytes(bool flexible) { return nullable_bytes(flexible, false).value_or(ByteView{}); }

std::optional<Records> Reader::nullable_records(bool flexible, bool null_allowed) {
  auto batches = nullable_bytes(flexible, null_allowed);
  if (!batches) return std::nullopt;
  return Records(*batches);
}

ByteView Reader::raw(size_t size) {
  if (size > remaining()) return fail("a field runs past the end"), ByteView{};
  at_ += size;
  return {at_ - size, size};
}

std::optional<size_t> Reader::nullable_array(bool flexible, size_t element_size_min, bool null_allowed) {
  int64_t count = length(flexible, true);
  if (count < 0) {
    if (!null_allowed) fail("an array is null that must not be");
    return std::nullopt;
  }
  if (static_cast<size_t>(count) * element_size_min > remaining()) {
    return fail("an array has more elements than the bytes that are left can hold"), std::nullopt;
  }
  return static_cast<size_t>(count);
}

size_t Reader::array(bool flexible, size_t element_size_min) {
  return nullable_array(flexible, element_size_min, false).value_or(0);
}

bool Reader::struct_present(bool tagged, bool null_allowed) {
  bool present = tagged ? unsigned_varint() != 0 : int8() >= 0;
  if (!present && !null_allowed) fail("a struct is null that must not be");
  return present && !failed();
}

Reader::Tag Reader::begin_tag() {
  uint32_t number = unsigned_varint();
  uint32_t size = unsigned_varint();
  if (size > remaining()) fail("a tagged field is longer than what is left");
  Tag tag{number, end_};
  if (!failed()) end_ = at_ + size;
  return tag;
}

void Reader::end_tag(Tag tag) {
  if (at_ != end_) fail("a tagged field is longer than its type");
  end_ = tag.outer_end;
  if (failed()) at_ = end_;
}

void Reader::skip_tags_slow() {
  for (uint32_t n = tag_count(); n > 0 && !failed(); --n) {
    Tag tag = begin_tag();
    skip_rest();
    end_tag(tag);
  }
}

Result<void> Reader::status(std::string_view message, int16_t version) const {
  if (!failed()) [[likely]]
    return {};
  return weir::fail(Errc::kCorrupt,
                    fmt::format("{} v{}: {} (at byte {})", message, version, failure_, failure_position_));
}

Result<void> Reader::expect_end(std::string_view message) const {
  if (remaining() == 0) [[likely]]
    return {};
  return weir::fail(Errc::kCorrupt, fmt::format("{}: {} bytes are left after its last field", message, remaining()));
}

}  // namespace weir::protocol
