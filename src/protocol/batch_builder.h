// BatchBuilder: makes a record batch (magic 2) of records appended one by one.
// Owned by whoever builds, one thread: the client's producer, the coordinators, the controller. Format:
// docs/formats/records.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "protocol/compression.h"
#include "protocol/record.h"
#include "protocol/writer.h"

namespace weir::protocol {

struct BatchOptions {
  Compression codec = Compression::kNone;
  std::optional<int> level;
  bool is_transactional = false;
  bool is_control = false;
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  int32_t base_sequence = kNoSequence;
  Offset base_offset{0};                      // the leader of a partition assigns it
  LeaderEpoch leader_epoch = kNoLeaderEpoch;  // likewise
};

class BatchBuilder {
 public:
  explicit BatchBuilder(BatchOptions options, size_t capacity_hint = Writer::kCapacityMin);

  // Adds a record behind the last one; what it is given is copied.
  void append(Timestamp timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
              std::span<const RecordHeader> headers = {});

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] int32_t record_count() const { return count_; }
  // Bytes of the batch so far, uncompressed, header included.
  [[nodiscard]] size_t size() const { return out_.size(); }
  // Bytes that the batch will have, if the records compress by `ratio` (compressed / uncompressed; 1 for no codec).
  [[nodiscard]] size_t estimated_size(double ratio) const {
    return kBatchHeaderSize + static_cast<size_t>(static_cast<double>(size() - kBatchHeaderSize) * ratio);
  }
  // The most bytes that a record with these parts adds, uncompressed. A batch of that one record has kBatchHeaderSize
  // more.
  static size_t record_size_max(std::optional<ByteView> key, std::optional<ByteView> value,
                                std::span<const RecordHeader> headers = {});

  // The producer's identity may be known only when the batch is sent.
  void set_producer(ProducerId id, ProducerEpoch epoch, int32_t base_sequence, bool is_transactional);
  // The finished batch with its checksum. The builder is empty then, with the same options.
  SharedBytes finish();

 private:
  void begin();
  void fill_header(uint8_t* batch, size_t size) const;

  BatchOptions options_;
  size_t capacity_hint_;
  Writer out_;  // header and uncompressed records
  int32_t count_ = 0;
  Timestamp base_timestamp_;
  Timestamp max_timestamp_;
};

}  // namespace weir::protocol
