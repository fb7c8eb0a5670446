// Entries of a log one behind the other, as a broker takes them from a producer and from a file, and the records inside
// them. Input: 1 byte of choices, the entries. Choice bit 0 repairs the checksums, so that what lies behind them is
// reached.
#include <optional>

#include "base/check.h"
#include "protocol/control_record.h"
#include "protocol/legacy_message.h"
#include "protocol/record.h"
#include "protocol/record_batch.h"

namespace {

using namespace weir;
using namespace weir::protocol;

constexpr size_t kRecordsSizeMax = size_t{1} << 20;
constexpr uint8_t kRepairChecksums = 1;

void read_records(const RecordBatch& batch) {
  auto open = open_batch(batch, kRecordsSizeMax);
  if (!open) return;
  CHECK(open->records.bytes.size() <= kRecordsSizeMax);
  int64_t count = 0;
  Offset last = batch.base_offset() - 1;
  for (;;) {
    auto record = open->cursor.next();
    if (!record || !record->has_value()) {
      if (record) CHECK(count == batch.record_count(), "{} records of {}", count, batch.record_count());
      return;
    }
    ++count;
    CHECK((**record).offset > last && (**record).offset <= batch.last_offset());
    last = (**record).offset;
    int headers = 0;
    for (RecordHeaders left = (**record).headers; auto header = left.next();) ++headers;
    CHECK(headers == (**record).headers.size());
    if (batch.is_control() && (**record).key) {
      const auto type = parse_control_key(*(**record).key);
      if (type && (**record).value) (void)parse_end_txn_marker(*(**record).value);
    }
  }
}

void read_batch(MutableBytes bytes, bool repair) {
  ByteView rest(bytes);
  auto batch = take_batch(rest);
  if (!batch) return;
  if (repair) store_be(bytes.data() + 17, batch->computed_crc());
  const bool may_be_produced = check_producer_batch(*batch).has_value();
  const bool may_be_kept = check_batch_header(*batch).has_value();
  CHECK(!may_be_produced || may_be_kept, "a producer may send what a log may not hold");
  if (!may_be_kept) return;
  read_records(*batch);
  set_base_offset(bytes, Offset(1'000'000));
  set_leader_epoch(bytes, LeaderEpoch(7));
  CHECK(!may_be_produced || check_batch(*batch).has_value(), "assigning offsets broke a batch");
  if (!may_be_produced) return;
  set_log_append_time(bytes, Timestamp(1'700'000'000'000));
  CHECK(check_batch(*batch).has_value(), "assigning the append time broke a batch");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const bool repair = (data[0] & kRepairChecksums) != 0;
  ByteVector log(data + 1, data + size);
  MutableBytes left(log);
  while (!left.empty()) {
    const auto entry = sniff_entry(left);
    if (!entry || !*entry || (**entry).size > left.size()) break;
    CHECK((**entry).size >= kEntrySniffSize);
    if ((**entry).magic == kMagic) {
      read_batch(left.first((**entry).size), repair);
    } else {
      const LegacyMessage message(ByteView(left).first((**entry).size));
      (void)message.crc_matches();
      (void)message.timestamp();
      (void)message.is_compressed();
    }
    left = left.subspan((**entry).size);
  }
  return 0;
}
