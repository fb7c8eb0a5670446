#include "protocol/control_record.h"

#include <fmt/format.h>

#include "protocol/messages/end_txn_marker.h"
#include "protocol/reader.h"

namespace weir::protocol {
namespace {

constexpr int16_t kKeyVersion = 0;
constexpr int16_t kMarkerVersion = 0;
constexpr size_t kMarkerBatchSize = 78;

}  // namespace

Result<ControlType> parse_control_key(ByteView key) {
  Reader in(key);
  in.int16();  // A later version is read as version 0, which it begins with.
  auto type = static_cast<ControlType>(in.int16());
  TRY(in.status("control record key", kKeyVersion));
  return type;
}

std::array<uint8_t, 4> control_key(ControlType type) {
  std::array<uint8_t, 4> key{};
  store_be(key.data(), kKeyVersion);
  store_be(key.data() + 2, static_cast<int16_t>(type));
  return key;
}

Result<int32_t> parse_end_txn_marker(ByteView value) {
  Reader in(value);
  in.int16();  // As with the key.
  EndTxnMarker marker;
  TRY(marker.decode(in, kMarkerVersion));
  return marker.coordinator_epoch;
}

SharedBytes end_txn_marker_batch(ControlType type, ProducerId producer_id, ProducerEpoch producer_epoch,
                                 int32_t coordinator_epoch, Timestamp timestamp) {
  CHECK(type == ControlType::kAbort || type == ControlType::kCommit);
  BatchBuilder batch(
      {.is_transactional = true, .is_control = true, .producer_id = producer_id, .producer_epoch = producer_epoch});
  auto key = control_key(type);
  Writer value;
  value.int16(kMarkerVersion);
  value.int32(coordinator_epoch);
  batch.append(timestamp, ByteView(key), value.view());
  SharedBytes finished = batch.finish();
  CHECK(finished.bytes.size() == kMarkerBatchSize);
  return finished;
}

}  // namespace weir::protocol
