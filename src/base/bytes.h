// Views of raw bytes and big-endian access to them. Views own nothing: who holds one keeps the bytes alive.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weir {

using ByteView = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;
using ByteVector = std::vector<uint8_t>;

inline ByteView as_bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline ByteVector to_vector(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

// Reads a big-endian integer at `at`; the caller has checked that sizeof(Int) bytes are there.
template <class Int>
[[nodiscard]] inline Int load_be(const uint8_t* at) {
  std::make_unsigned_t<Int> value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (sizeof(Int) > 1) value = std::byteswap(value);
  return static_cast<Int>(value);
}

// Writes a big-endian integer at `at`; the caller has checked that sizeof(Int) bytes are there.
template <class Int>
inline void store_be(uint8_t* at, Int number) {
  auto value = static_cast<std::make_unsigned_t<Int>>(number);
  if constexpr (sizeof(Int) > 1) value = std::byteswap(value);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace weir
