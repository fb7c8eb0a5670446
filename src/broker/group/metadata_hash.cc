#include "broker/group/metadata_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "base/bytes.h"

namespace weir::broker {
namespace {

constexpr uint8_t kLayout = 0;

// Kafka's hash stream: numbers little-endian, a string as its UTF-16 units and then their count.
class Hasher {
 public:
  Hasher() { XXH3_64bits_reset(&state_); }

  template <class Int>
  void number(Int value) {
    std::array<uint8_t, sizeof value> bytes;
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i));
    XXH3_64bits_update(&state_, bytes.data(), bytes.size());
  }
  // Names of topics and racks; what is not ASCII comes from UTF-8 that was checked when it came in.
  int32_t text(std::string_view utf8) {
    int32_t units = 0;
    const auto unit = [&](uint32_t value) {
      number(static_cast<uint16_t>(value));
      ++units;
    };
    for (size_t i = 0; i < utf8.size();) {
      const auto byte = static_cast<uint8_t>(utf8[i++]);
      const int more = byte < 0xc0 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      uint32_t point = more == 0 ? byte : byte & (0x3fU >> more);
      for (int k = 0; k < more && i < utf8.size(); ++k) point = point << 6 | (static_cast<uint8_t>(utf8[i++]) & 0x3f);
      if (point < 0x10000) {
        unit(point);
      } else {
        unit(0xd800 + ((point - 0x10000) >> 10));
        unit(0xdc00 + ((point - 0x10000) & 0x3ff));
      }
    }
    number(units);
    return units;
  }
  [[nodiscard]] uint64_t digest() const { return XXH3_64bits_digest(&state_); }

 private:
  XXH3_state_t state_;
};

int32_t utf16_length(std::string_view text) { return Hasher().text(text); }

uint64_t topic_hash(std::string_view name, const TopicDescription& topic) {
  Hasher hasher;
  hasher.number(kLayout);
  hasher.number(topic.id.high());
  hasher.number(topic.id.low());
  hasher.text(name);
  hasher.number(static_cast<int32_t>(topic.racks.size()));
  for (size_t i = 0; i < topic.racks.size(); ++i) {
    hasher.number(static_cast<int32_t>(i));
    std::vector<std::string_view> racks = topic.racks[i];
    std::ranges::sort(racks);
    for (const std::string_view rack : racks) {
      hasher.number(utf16_length(rack));
      hasher.text(rack);
    }
  }
  return hasher.digest();
}

}  // namespace

int64_t metadata_hash(const TopicCatalog& topics, std::span<const std::string_view> names) {
  Hasher hasher;
  bool any = false;
  for (const std::string_view name : names) {
    const std::optional<TopicDescription> topic = topics.describe(name);
    if (!topic) continue;
    hasher.number(topic_hash(name, *topic));
    any = true;
  }
  return any ? static_cast<int64_t>(hasher.digest()) : 0;
}

}  // namespace weir::broker
