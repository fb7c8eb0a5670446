// The variable-length integers of records: zig-zag, seven bits a byte, low group first. Stateless; any thread.
// Format: docs/formats/records.md.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace weir::protocol {

inline constexpr int kVarintBytesMax = 5;
inline constexpr int kVarlongBytesMax = 10;

constexpr uint32_t zigzag(int32_t value) {
  return (static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31);
}
constexpr uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr int32_t unzigzag(uint32_t value) { return static_cast<int32_t>((value >> 1) ^ (0 - (value & 1))); }
constexpr int64_t unzigzag(uint64_t value) { return static_cast<int64_t>((value >> 1) ^ (0 - (value & 1))); }

// Bytes that an unsigned one takes.
constexpr size_t unsigned_varint_size(uint64_t value) {
  return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7;
}
constexpr size_t varint_size(int32_t value) { return unsigned_varint_size(zigzag(value)); }
constexpr size_t varlong_size(int64_t value) { return unsigned_varint_size(zigzag(value)); }

// Writes to `at`, where the caller has made room, and returns the end.
inline uint8_t* put_unsigned_varint(uint8_t* at, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<uint8_t>(value | 0x80);
  *at++ = static_cast<uint8_t>(value);
  return at;
}
inline uint8_t* put_varint(uint8_t* at, int32_t value) { return put_unsigned_varint(at, zigzag(value)); }
inline uint8_t* put_varlong(uint8_t* at, int64_t value) { return put_unsigned_varint(at, zigzag(value)); }

// Takes one of at most `bytes_max` bytes off the front of [at, end). False, with `at` anywhere up to `end`, when it is
// not complete or longer. Bits beyond those of `value` are lost, as in Kafka.
template <class Unsigned>
inline bool take_unsigned_varint(const uint8_t*& at, const uint8_t* end, Unsigned& value) {
  constexpr int kBytesMax = sizeof(Unsigned) == sizeof(uint32_t) ? kVarintBytesMax : kVarlongBytesMax;
  if (at != end && *at < 0x80) [[likely]] {
    value = *at++;
    return true;
  }
  value = 0;
  for (int i = 0; i < kBytesMax && at != end; ++i) {
    uint8_t byte = *at++;
    value |= static_cast<Unsigned>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return true;
  }
  return false;
}
inline bool take_varint(const uint8_t*& at, const uint8_t* end, int32_t& value) {
  uint32_t raw;
  bool whole = take_unsigned_varint(at, end, raw);
  value = unzigzag(raw);
  return whole;
}
inline bool take_varlong(const uint8_t*& at, const uint8_t* end, int64_t& value) {
  uint64_t raw;
  bool whole = take_unsigned_varint(at, end, raw);
  value = unzigzag(raw);
  return whole;
}

}  // namespace weir::protocol
