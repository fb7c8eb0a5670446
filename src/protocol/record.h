// The records inside a batch: a cursor over their bytes, without an allocation per record.
// A cursor belongs to one thread; records and headers are views of the batch's bytes, or of the buffer it was
// decompressed into, which the OpenBatch keeps. Format: docs/formats/records.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "protocol/record_batch.h"

namespace weir::protocol {

struct RecordHeader {
  std::string_view key;
  std::optional<ByteView> value;
};

// The headers of one record, checked when the record was read.
class RecordHeaders {
 public:
  RecordHeaders() = default;
  RecordHeaders(ByteView bytes, int32_t count) : bytes_(bytes), count_(count) {}

  [[nodiscard]] int32_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  // Takes the first header off the front: for (auto left = record.headers; auto header = left.next();) ...
  std::optional<RecordHeader> next();
  // Encoded, as they stand in the record.
  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  ByteView bytes_;
  int32_t count_ = 0;
};

struct Record {
  Offset offset;
  Timestamp timestamp;  // of the record, or of its append where the batch says so
  int32_t offset_delta = 0;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  RecordHeaders headers;
  ByteView bytes;    // the whole record with its length, as it stands in the batch
  ByteView payload;  // of these, what does not depend on the batch: from the length of the key on
};

// Reads records one behind the other.
class RecordCursor {
 public:
  RecordCursor() = default;
  // `records` are the uncompressed records of `batch`.
  RecordCursor(const RecordBatch& batch, ByteView records);

  // The next record, or nothing behind the last one. kCorrupt for a record that does not parse, one outside the batch's
  // offsets or not behind its predecessor, and for bytes left behind the last: the cursor must not be used any more.
  Result<std::optional<Record>> next();

 private:
  const char* parse(Record& record);

  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  Offset base_offset_;
  int32_t left_ = 0;
  int32_t last_offset_delta_ = 0;
  int32_t previous_delta_ = -1;
  Timestamp base_timestamp_;
  bool is_log_append_time_ = false;
  Timestamp append_time_;
};

// A batch with its records readable.
struct OpenBatch {
  SharedBytes records;  // the buffer they were decompressed into; none for an uncompressed batch
  RecordCursor cursor;
};

// Decompresses the records of `batch`, whose header was checked, if they are compressed. kTooLarge when they have more
// than `size_max` bytes, kCorrupt when they do not decompress.
Result<OpenBatch> open_batch(const RecordBatch& batch, size_t size_max);

}  // namespace weir::protocol
