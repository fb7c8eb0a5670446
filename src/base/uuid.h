// Kafka's 128-bit ids of topics, directories, clusters and incarnations.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace weir {

class Random;

// 16 bytes, most significant first; the text form is URL-safe base64 without padding (22 characters).
class Uuid {
 public:
  constexpr Uuid() = default;
  constexpr Uuid(uint64_t high, uint64_t low) : high_(high), low_(low) {}
  static Uuid from_bytes(const uint8_t* at) { return {load_be<uint64_t>(at), load_be<uint64_t>(at + 8)}; }

  // A version-4 id that is not reserved and whose text does not start with '-' (it would look like an option).
  static Uuid random(Random& random);
  // kInvalidArgument when `text` is not 22 characters of the alphabet.
  static Result<Uuid> parse(std::string_view text);

  void to_bytes(uint8_t* at) const {
    store_be(at, high_);
    store_be(at + 8, low_);
  }
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] uint64_t high() const { return high_; }
  [[nodiscard]] uint64_t low() const { return low_; }
  [[nodiscard]] bool is_zero() const { return high_ == 0 && low_ == 0; }

  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;

 private:
  uint64_t high_ = 0;
  uint64_t low_ = 0;
};

inline constexpr Uuid kZeroUuid{0, 0};
inline constexpr Uuid kMetadataTopicId{0, 1};

}  // namespace weir

template <>
struct std::hash<weir::Uuid> {
  size_t operator()(const weir::Uuid& id) const noexcept { return id.high() ^ (id.low() * 0x9e3779b97f4a7c15ULL); }
};
