#include "protocol/hash.h"

#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace weir::protocol {
namespace {

constexpr uint32_t kMurmurSeed = 0x9747b28c;
constexpr uint32_t kMurmurMultiplier = 0x5bd1e995;
constexpr int kMurmurShift = 24;
constexpr uint32_t kReplacement = 0xfffd;

// The code point at the front of `text`, which it takes off; kReplacement and one byte for what is no UTF-8.
uint32_t take_code_point(std::string_view& text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  auto trail = [&](size_t i) { return static_cast<uint32_t>(byte(i) & 0x3f); };
  uint32_t lead = byte(0);
  size_t size = lead < 0x80 ? 1 : (lead & 0xe0) == 0xc0 ? 2 : (lead & 0xf0) == 0xe0 ? 3 : (lead & 0xf8) == 0xf0 ? 4 : 0;
  bool whole = size != 0 && size <= text.size();
  for (size_t i = 1; whole && i < size; ++i) whole = (byte(i) & 0xc0) == 0x80;
  uint32_t point = kReplacement;
  if (!whole) {
    size = 1;
  } else if (size == 1) {
    point = lead;
  } else if (size == 2) {
    point = (lead & 0x1f) << 6 | trail(1);
  } else if (size == 3) {
    point = (lead & 0x0f) << 12 | trail(1) << 6 | trail(2);
  } else {
    point = (lead & 0x07) << 18 | trail(1) << 12 | trail(2) << 6 | trail(3);
  }
  text.remove_prefix(size);
  return point;
}

}  // namespace

int32_t murmur2(ByteView key) {
  auto size = static_cast<uint32_t>(key.size());
  uint32_t hash = kMurmurSeed ^ size;
  size_t at = 0;
  for (; at + 4 <= key.size(); at += 4) {
    uint32_t word;
    std::memcpy(&word, key.data() + at, sizeof word);
    word *= kMurmurMultiplier;
    word ^= word >> kMurmurShift;
    hash = hash * kMurmurMultiplier ^ word * kMurmurMultiplier;
  }
  if (at < key.size()) {
    for (size_t i = key.size(); i-- > at;) hash ^= static_cast<uint32_t>(key[i]) << (8 * (i - at));
    hash *= kMurmurMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMurmurMultiplier;
  hash ^= hash >> 15;
  return static_cast<int32_t>(hash);
}

int32_t partition_for_key(ByteView key, int32_t partition_count) {
  CHECK(partition_count > 0);
  return (murmur2(key) & INT32_MAX) % partition_count;
}

int32_t java_string_hash(std::string_view text) {
  uint32_t hash = 0;
  while (!text.empty()) {
    uint32_t point = take_code_point(text);
    if (point > 0xffff) {
      point -= 0x10000;
      hash = hash * 31 + (0xd800 | point >> 10);
      point = 0xdc00 | (point & 0x3ff);
    }
    hash = hash * 31 + point;
  }
  return static_cast<int32_t>(hash);
}

int32_t partition_for_id(std::string_view id, int32_t partition_count) {
  CHECK(partition_count > 0);
  int32_t hash = java_string_hash(id);
  // The smallest int has no absolute value; Kafka takes 0 for it.
  return hash == INT32_MIN ? 0 : std::abs(hash) % partition_count;
}

}  // namespace weir::protocol
