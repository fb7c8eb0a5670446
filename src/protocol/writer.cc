#include "protocol/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "protocol/varint.h"

namespace weir::protocol {
namespace {

constexpr size_t kLengthMax = INT32_MAX;

}  // namespace

Writer& Writer::operator=(Writer&& other) noexcept {
  buffer_ = std::move(other.buffer_);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  capacity_hint_ = other.capacity_hint_;
  splices_ = std::exchange(other.splices_, {});
  spliced_size_ = std::exchange(other.spliced_size_, 0);
  failure_ = other.failure_;
  failed_field_ = std::exchange(other.failed_field_, nullptr);
  failed_why_ = other.failed_why_;
  return *this;
}

void Writer::grow(size_t size) {
  CHECK(size <= kLengthMax && size_ <= kLengthMax, "a message of {} + {} bytes", size_, size);
  size_t wanted = std::max({size_ + size, size_ * 2, capacity_hint_});
  Buffer larger = Buffer::allocate(wanted);
  if (size_ > 0) std::memcpy(larger.data(), buffer_.data(), size_);
  capacity_ = larger.capacity();
  buffer_ = std::move(larger);
}

void Writer::unsigned_varint_slow(uint64_t value) { put_unsigned_varint(extend(unsigned_varint_size(value)), value); }

void Writer::varint(int32_t value) { unsigned_varint(zigzag(value)); }

void Writer::varlong(int64_t value) { unsigned_varint_slow(zigzag(value)); }

void Writer::length(size_t size, bool flexible, bool wide) {
  if (flexible) {
    unsigned_varint(static_cast<uint32_t>(size + 1));
  } else if (wide) {
    int32(static_cast<int32_t>(size));
  } else {
    int16(static_cast<int16_t>(size));
  }
}

void Writer::null_length(bool flexible, bool wide) {
  if (flexible) {
    unsigned_varint(0);
  } else if (wide) {
    int32(-1);
  } else {
    int16(-1);
  }
}

void Writer::string(std::string_view value, bool flexible) {
  if (value.size() > INT16_MAX) return fail(Errc::kInvalidArgument, "a string", "is longer than 32767 bytes");
  length(value.size(), flexible, false);
  raw(as_bytes(value));
}

void Writer::nullable_string(const std::optional<std::string_view>& value, bool flexible, bool null_allowed,
                             const char* field) {
  if (value) return string(*value, flexible);
  if (!null_allowed) return fail(Errc::kUnsupported, field, "is null, which this version cannot carry");
  null_length(flexible, false);
}

void Writer::bytes(ByteView value, bool flexible) {
  if (value.size() >= kLengthMax) return fail(Errc::kInvalidArgument, "a byte array", "is longer than 2 GiB");
  length(value.size(), flexible, true);
  raw(value);
}

void Writer::nullable_bytes(const std::optional<ByteView>& value, bool flexible, bool null_allowed, const char* field) {
  if (value) return bytes(*value, flexible);
  if (!null_allowed) return fail(Errc::kUnsupported, field, "is null, which this version cannot carry");
  null_length(flexible, true);
}

void Writer::records(const Records& value, bool flexible) {
  if (!value.is_external()) return bytes(value.bytes(), flexible);
  if (value.size() >= kLengthMax) return fail(Errc::kInvalidArgument, "records", "are longer than 2 GiB");
  length(value.size(), flexible, true);
  if (value.size() == 0) return;
  splices_.push_back({size_, value.index(), value.size()});
  spliced_size_ += value.size();
}

void Writer::nullable_records(const std::optional<Records>& value, bool flexible, bool null_allowed,
                              const char* field) {
  if (value) return records(*value, flexible);
  if (!null_allowed) return fail(Errc::kUnsupported, field, "is null, which this version cannot carry");
  null_length(flexible, true);
}

void Writer::raw(ByteView value) {
  if (!value.empty()) std::memcpy(extend(value.size()), value.data(), value.size());
}

void Writer::array(size_t count, bool flexible) {
  if (count >= kLengthMax) return fail(Errc::kInvalidArgument, "an array", "has more than 2^31 elements");
  length(count, flexible, true);
}

void Writer::null_array(bool flexible, bool null_allowed, const char* field) {
  if (!null_allowed) return fail(Errc::kUnsupported, field, "is null, which this version cannot carry");
  null_length(flexible, true);
}

void Writer::struct_present(bool present, bool tagged, bool null_allowed, const char* field) {
  if (!present && !null_allowed) return fail(Errc::kUnsupported, field, "is null, which this version cannot carry");
  int8(present ? int8_t{1} : tagged ? int8_t{0} : int8_t{-1});
}

size_t Writer::begin_tag(uint32_t number) {
  unsigned_varint(number);
  extend(1);  // for the size, which seldom needs more
  return size_;
}

void Writer::end_tag(size_t start) {
  size_t payload_size = size_ - start;
  size_t extra = unsigned_varint_size(payload_size) - 1;
  // Splices hold positions: records never are in a tagged field.
  CHECK(splices_.empty() || splices_.back().position < start, "records in a tagged field");
  if (extra > 0) {
    extend(extra);
    std::memmove(buffer_.data() + start + extra, buffer_.data() + start, payload_size);
  }
  put_unsigned_varint(buffer_.data() + start - 1, payload_size);
}

size_t Writer::begin_frame() {
  extend(sizeof(int32_t));
  return size_;
}

void Writer::end_frame(size_t start) {
  size_t frame_size = size_ - start;
  for (const Splice& splice : splices_) frame_size += splice.position >= start ? splice.size : 0;
  CHECK(frame_size <= kLengthMax, "a frame of {} bytes", frame_size);
  store_be(buffer_.data() + start - sizeof(int32_t), static_cast<int32_t>(frame_size));
}

SharedBytes Writer::release() {
  SharedBytes written{std::move(buffer_), {}};
  if (written.owner) written.bytes = {written.owner.data(), size_};
  truncate(0);
  buffer_ = Buffer();
  capacity_ = 0;
  return written;
}

void Writer::truncate(size_t size) {
  CHECK(size <= size_, "truncate {} bytes to {}", size_, size);
  size_ = size;
  // A splice comes after the length of its records, so one that was written since has a greater position.
  while (!splices_.empty() && splices_.back().position > size) {
    spliced_size_ -= splices_.back().size;
    splices_.pop_back();
  }
  failed_field_ = nullptr;
}

void Writer::fail(Errc code, const char* field, const char* why) {
  if (failed_field_ != nullptr) return;
  failure_ = code;
  failed_field_ = field;
  failed_why_ = why;
}

Result<void> Writer::status(std::string_view message, int16_t version) {
  if (!failed()) [[likely]]
    return {};
  const char* field = std::exchange(failed_field_, nullptr);
  return weir::fail(failure_, fmt::format("{} v{}: {} {}", message, version, field, failed_why_));
}

}  // namespace weir::protocol
