// OffsetMap: the offset of the newest record of each key in the part of a log that compaction has not seen. It takes
// the memory that it is given and no more; one that is full ends the round, and the next round begins there. Owned by
// a Compaction, one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/types.h"
#include "storage/key_hash.h"

namespace weir::storage {

class OffsetMap {
 public:
  // Takes keys of offsets from `base` on, at most `keys_max` of them, in at most `memory` bytes of which the share
  // `load_factor` is used.
  OffsetMap(size_t memory, double load_factor, uint64_t keys_max, Offset base);

  // False when there is no room for another key, or the offset is too far from the base: nothing changed then.
  bool put(const KeyHash& key, Offset offset);
  [[nodiscard]] std::optional<Offset> find(const KeyHash& key) const;
  // Has what a look at the key needs on its way from memory.
  void prefetch(const KeyHash& key) const { __builtin_prefetch(&slots_[home(key)]); }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t memory() const { return slots_.size() * sizeof(Slot); }
  // The used share of the keys that it has room for.
  [[nodiscard]] double used() const { return static_cast<double>(size_) / static_cast<double>(size_max_); }

  static constexpr size_t kBytesPerKey = 16;

 private:
  // 96 bits of the hash beside the ones that say where it lies: with ten million keys, one chance in 10^15 for any two
  // that are taken for the same.
  struct Slot {
    uint64_t high;
    uint32_t low;
    uint32_t place;  // offset - base + 1; 0: empty
  };
  static_assert(sizeof(Slot) == kBytesPerKey);

  [[nodiscard]] size_t home(const KeyHash& key) const {
    return static_cast<size_t>((static_cast<unsigned __int128>(key.low) * slots_.size()) >> 64);
  }
  // The slot of the key, or the empty one where it would be.
  [[nodiscard]] size_t slot_of(const KeyHash& key) const;

  Offset base_;
  std::vector<Slot> slots_;
  size_t size_ = 0;
  size_t size_max_ = 0;
};

}  // namespace weir::storage
