// Entries of magic 0 and 1, as logs of old Kafka versions have them: they are recognised, checked and sent as they are,
// never written. A view that owns nothing. Format: docs/formats/records.md.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "protocol/compression.h"

namespace weir::protocol {

class LegacyMessage {
 public:
  // `entry` is a whole entry, as sniff_entry() gave its size, of magic 0 or 1.
  explicit LegacyMessage(ByteView entry);

  // Of the message, or of the last one inside a compressed wrapper.
  [[nodiscard]] Offset last_offset() const { return Offset(load_be<int64_t>(entry_.data())); }
  [[nodiscard]] size_t size() const { return entry_.size(); }
  [[nodiscard]] int8_t magic() const { return static_cast<int8_t>(entry_[16]); }
  [[nodiscard]] int8_t attributes() const { return static_cast<int8_t>(entry_[17]); }
  [[nodiscard]] bool is_compressed() const { return (attributes() & 0x07) != 0; }
  // kNoTimestamp in magic 0. Of a wrapper: the greatest inside.
  [[nodiscard]] Timestamp timestamp() const;
  // CRC-32 (IEEE) of what follows it.
  [[nodiscard]] bool crc_matches() const;

 private:
  ByteView entry_;
};

}  // namespace weir::protocol
