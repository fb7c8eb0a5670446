#include "protocol/legacy_message.h"

#include <libdeflate.h>

#include "base/check.h"
#include "protocol/record_batch.h"

namespace weir::protocol {
namespace {

constexpr size_t kCrcAt = 12;
constexpr size_t kCheckedFrom = 16;
constexpr size_t kTimestampAt = 18;

}  // namespace

LegacyMessage::LegacyMessage(ByteView entry) : entry_(entry) {
  auto frame = sniff_entry(entry);
  CHECK(frame && *frame && (*frame)->magic < kMagic && (*frame)->size == entry.size());
}

Timestamp LegacyMessage::timestamp() const {
  return magic() == 0 ? kNoTimestamp : Timestamp(load_be<int64_t>(entry_.data() + kTimestampAt));
}

bool LegacyMessage::crc_matches() const {
  ByteView checked = entry_.subspan(kCheckedFrom);
  return libdeflate_crc32(0, checked.data(), checked.size()) == load_be<uint32_t>(entry_.data() + kCrcAt);
}

}  // namespace weir::protocol
