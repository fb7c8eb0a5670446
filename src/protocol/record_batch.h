// Record batches as they are: views of the bytes of a batch (magic 2) with accessors, checks and the changes that a
// leader makes in place. Views own nothing; changes are for whoever owns the bytes, before they are shared. Format:
// docs/formats/records.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"
#include "base/result.h"
#include "base/types.h"
#include "protocol/compression.h"

namespace weir::protocol {

inline constexpr size_t kEntryOverhead = 12;    // offset and size, which every entry of a log begins with
inline constexpr size_t kBatchHeaderSize = 61;  // up to the records; also the smallest batch
inline constexpr size_t kEntrySniffSize = 17;   // up to the magic, in every format there was
inline constexpr int8_t kMagic = 2;

inline constexpr int16_t kCodecMask = 0x07;
inline constexpr int16_t kLogAppendTimeBit = 0x08;
inline constexpr int16_t kTransactionalBit = 0x10;
inline constexpr int16_t kControlBit = 0x20;
inline constexpr int16_t kDeleteHorizonBit = 0x40;

inline constexpr int32_t kNoSequence = -1;

// Sequence numbers count from 0 to 2^31-1 and over again.
constexpr int32_t sequence_after(int32_t sequence, int32_t delta) {
  return static_cast<int32_t>((static_cast<uint32_t>(sequence) + static_cast<uint32_t>(delta)) & INT32_MAX);
}

// What all entries of a log have in common, whatever their magic.
struct EntryFrame {
  Offset offset;  // magic 2: of the first record; magic 0 and 1: of the last
  size_t size;    // of the whole entry
  int8_t magic;
};

// The frame of the entry at the front of `bytes`: nothing when not even that is there. kCorrupt for a magic that does
// not exist and for a size that no entry of its magic can have. The entry itself may be longer than `bytes`.
Result<std::optional<EntryFrame>> sniff_entry(ByteView bytes);

// A batch of magic 2, or only its header: accessors of the header need kBatchHeaderSize bytes.
class RecordBatch {
 public:
  RecordBatch() = default;
  explicit RecordBatch(ByteView bytes) : bytes_(bytes) { CHECK(bytes.size() >= kBatchHeaderSize); }

  [[nodiscard]] Offset base_offset() const { return Offset(at<int64_t>(0)); }
  [[nodiscard]] Offset last_offset() const { return base_offset() + last_offset_delta(); }
  [[nodiscard]] Offset next_offset() const { return last_offset() + 1; }
  // Of the whole batch, as its header says.
  [[nodiscard]] size_t size() const { return kEntryOverhead + static_cast<size_t>(at<uint32_t>(8)); }
  [[nodiscard]] LeaderEpoch leader_epoch() const { return LeaderEpoch(at<int32_t>(12)); }
  [[nodiscard]] int8_t magic() const { return at<int8_t>(16); }
  [[nodiscard]] uint32_t crc() const { return at<uint32_t>(17); }
  [[nodiscard]] int16_t attributes() const { return at<int16_t>(21); }
  [[nodiscard]] int32_t last_offset_delta() const { return at<int32_t>(23); }
  // Of the first record; the delete horizon when has_delete_horizon().
  [[nodiscard]] Timestamp base_timestamp() const { return Timestamp(at<int64_t>(27)); }
  [[nodiscard]] Timestamp max_timestamp() const { return Timestamp(at<int64_t>(35)); }
  [[nodiscard]] ProducerId producer_id() const { return ProducerId(at<int64_t>(43)); }
  [[nodiscard]] ProducerEpoch producer_epoch() const { return ProducerEpoch(at<int16_t>(51)); }
  [[nodiscard]] int32_t base_sequence() const { return at<int32_t>(53); }
  [[nodiscard]] int32_t record_count() const { return at<int32_t>(57); }

  // Of a batch whose header was checked: other codec numbers do not occur.
  [[nodiscard]] Compression codec() const { return static_cast<Compression>(attributes() & kCodecMask); }
  [[nodiscard]] bool is_log_append_time() const { return (attributes() & kLogAppendTimeBit) != 0; }
  [[nodiscard]] bool is_transactional() const { return (attributes() & kTransactionalBit) != 0; }
  [[nodiscard]] bool is_control() const { return (attributes() & kControlBit) != 0; }
  [[nodiscard]] bool has_delete_horizon() const { return (attributes() & kDeleteHorizonBit) != 0; }
  [[nodiscard]] bool has_producer() const { return producer_id() != kNoProducerId; }
  [[nodiscard]] int32_t last_sequence() const {
    return base_sequence() == kNoSequence ? kNoSequence : sequence_after(base_sequence(), last_offset_delta());
  }

  // Of a whole batch only.
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  [[nodiscard]] ByteView records() const { return bytes_.subspan(kBatchHeaderSize); }
  [[nodiscard]] uint32_t computed_crc() const;
  [[nodiscard]] bool crc_matches() const { return computed_crc() == crc(); }

 private:
  template <class Int>
  [[nodiscard]] Int at(size_t position) const {
    return load_be<Int>(bytes_.data() + position);
  }
  ByteView bytes_;
};

// `bytes` without an entry at their end that is cut off, as fetches and reads by size leave it. What is damaged stays,
// for whoever checks it.
ByteView without_cut_entry(ByteView bytes);

// Takes the whole batch at the front of `bytes` off it. Checks the size and the magic, nothing else. kCorrupt: cut
// short, or a size or magic that cannot be; kUnsupported: magic 0 or 1.
Result<RecordBatch> take_batch(ByteView& bytes);

// That a header's base offset and last offset delta give offsets that can be; last_offset() needs it. kCorrupt.
Result<void> check_batch_offsets(const RecordBatch& batch);
// Checks a header against itself: codec, offsets, counts, sizes. Needs only the header; every batch in a log passes.
// kCorrupt.
Result<void> check_batch_header(const RecordBatch& batch);
// Checks a whole batch that came over the wire: its header and its checksum. kCorrupt.
Result<void> check_batch(const RecordBatch& batch);
// Checks all that can be checked of a producer's batch without opening it: check_batch, and offsets from 0 without a
// gap, at least one record, no control bit, no delete horizon, a sequence where there is a producer id. kCorrupt
// (CORRUPT_MESSAGE on the wire) for what is damaged, kInvalidArgument (INVALID_RECORD) for what a producer must not
// send.
Result<void> check_producer_batch(const RecordBatch& batch);

// Changes in place, of a batch that nobody else reads yet. The first two lie outside the checksum.
void set_base_offset(MutableBytes batch, Offset offset);
void set_leader_epoch(MutableBytes batch, LeaderEpoch epoch);
// Turns a batch into one of LogAppendTime with that time for all its records; computes the checksum anew.
void set_log_append_time(MutableBytes batch, Timestamp now);
// Sets the greatest record timestamp of a CreateTime batch; computes the checksum anew.
void set_max_timestamp(MutableBytes batch, Timestamp max);

}  // namespace weir::protocol
