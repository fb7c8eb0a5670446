// Control records: the markers that end transactions and the quorum's own records, kept in batches with the control
// bit. Stateless; any thread. Format: docs/formats/records.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "protocol/batch_builder.h"

namespace weir::protocol {

enum class ControlType : int16_t {
  kAbort = 0,
  kCommit = 1,
  kLeaderChange = 2,
  kSnapshotHeader = 3,
  kSnapshotFooter = 4,
  kKraftVersion = 5,
  kKraftVoters = 6,
};

// The key of a control record. Values outside ControlType are legal: readers ignore such records. kCorrupt when it is
// too short.
Result<ControlType> parse_control_key(ByteView key);
std::array<uint8_t, 4> control_key(ControlType type);

// The value of an ABORT or COMMIT record is the epoch of the transaction coordinator. kCorrupt when it is too short.
Result<int32_t> parse_end_txn_marker(ByteView value);

// The batch that ends a producer's transaction in a partition; `type` is kAbort or kCommit. Not compressed, 78 bytes.
SharedBytes end_txn_marker_batch(ControlType type, ProducerId producer_id, ProducerEpoch producer_epoch,
                                 int32_t coordinator_epoch, Timestamp timestamp);

// Appends the control record whose value is `message` (LeaderChangeMessage, SnapshotHeaderRecord, SnapshotFooterRecord,
// KRaftVersionRecord, VotersRecord), encoded in `version`, to a batch with the control bit. The errors of encode().
template <class Message>
Result<void> append_control(BatchBuilder& batch, Timestamp timestamp, ControlType type, const Message& message,
                            int16_t version) {
  Writer value;
  TRY(message.encode(value, version));
  auto key = control_key(type);
  batch.append(timestamp, ByteView(key), value.view());
  return {};
}

}  // namespace weir::protocol
