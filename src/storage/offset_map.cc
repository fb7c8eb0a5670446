#include "storage/offset_map.h"

#include "base/check.h"

namespace weir::storage {
namespace {

constexpr size_t kSlotsMin = 2;
// Beyond these a table is all search, or all air.
constexpr double kLoadMax = 0.95;
constexpr double kLoadMin = 0.01;

}  // namespace

OffsetMap::OffsetMap(size_t memory, double load_factor, uint64_t keys_max, Offset base) : base_(base) {
  const double load = load_factor >= kLoadMin ? std::min(load_factor, kLoadMax) : kLoadMin;
  const size_t allowed = std::max(memory / kBytesPerKey, kSlotsMin);
  // In floating point: the number of keys is a difference of offsets, which may be anything.
  const double wanted = static_cast<double>(keys_max) / load + static_cast<double>(kSlotsMin);
  slots_.resize(wanted < static_cast<double>(allowed) ? static_cast<size_t>(wanted) : allowed);
  // One slot at least stays empty, where a search for what is not there ends.
  const auto loaded = static_cast<size_t>(static_cast<double>(slots_.size()) * load);
  size_max_ = std::clamp<size_t>(loaded, 1, slots_.size() - 1);
}

size_t OffsetMap::slot_of(const KeyHash& key) const {
  const auto low = static_cast<uint32_t>(key.low);
  for (size_t at = home(key);; at = at + 1 == slots_.size() ? 0 : at + 1) {
    const Slot& slot = slots_[at];
    if (slot.place == 0 || (slot.high == key.high && slot.low == low)) return at;
  }
}

bool OffsetMap::put(const KeyHash& key, Offset offset) {
  const int64_t place = offset - base_ + 1;
  CHECK(place > 0, "offset {} is below the base {} of a map", offset.value(), base_.value());
  if (place > UINT32_MAX) return false;
  Slot& slot = slots_[slot_of(key)];
  if (slot.place == 0) {
    if (size_ == size_max_) return false;
    ++size_;
    slot.high = key.high;
    slot.low = static_cast<uint32_t>(key.low);
  }
  slot.place = static_cast<uint32_t>(place);
  return true;
}

std::optional<Offset> OffsetMap::find(const KeyHash& key) const {
  const Slot& slot = slots_[slot_of(key)];
  if (slot.place == 0) return std::nullopt;
  return base_ + (int64_t{slot.place} - 1);
}

}  // namespace weir::storage
