// The folder of a partition with any content: .log, .index, .timeindex, .txnindex, .snapshot. After an unclean stop a
// log must open whatever it finds, and what is then in it must be readable. Input: 1 byte of choices, three sizes of 2
// bytes for the first three of index, time index, transaction index, snapshot and log, one size for the fourth; the
// files one behind the other, the log last.
#include "storage/log.h"

#include <memory>

#include "base/check.h"
#include "protocol/record.h"
#include "sim/disk.h"

namespace {

using namespace weir;

constexpr uint8_t kWasClean = 1;
constexpr std::string_view kFolder = "t-0";

void write_file(Disk& disk, std::string_view suffix, ByteView content) {
  const auto file = disk.open(std::string(kFolder) + "/00000000000000000000" + std::string(suffix), OpenMode::kCreate);
  CHECK(file && (*file)->write_at(0, content).has_value());
}

void read_all(storage::Log& log) {
  for (Offset at = log.log_start_offset(); at < log.log_end_offset();) {
    const auto read = log.read(at, 4096, log.log_end_offset(), true);
    CHECK(read.has_value(), "an open log cannot be read at {}: {}", at.value(), read.error().message);
    // Batches of a compacted log may end before the end of the log.
    if (read->records.length == 0) return;
    ByteVector bytes(read->records.length);
    CHECK(read->records.file->read_at(read->records.position, bytes) == bytes.size());
    const auto entry = protocol::sniff_entry(bytes);
    CHECK(entry && *entry && (**entry).size <= bytes.size(), "no whole entry at {}", at.value());
    if ((**entry).magic != protocol::kMagic) return;
    const protocol::RecordBatch batch(ByteView(bytes).first((**entry).size));
    CHECK(batch.last_offset() >= at, "a read at {} gives what ends before it", at.value());
    (void)protocol::open_batch(batch, size_t{1} << 20);
    at = batch.next_offset();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kSizes = 4;
  if (size < 1 + 2 * kSizes) return 0;
  const bool was_clean = (data[0] & kWasClean) != 0;
  sim::Simulation simulation(1);
  sim::SimClock clock(simulation, Duration::zero(), Duration::zero());
  sim::SimDisk disk(simulation, clock);
  CHECK(disk.create_directories(std::string(kFolder)).has_value());
  ByteView left(data + 1 + 2 * kSizes, size - 1 - 2 * kSizes);
  constexpr std::array<std::string_view, kSizes> kSuffixes = {".index", ".timeindex", ".txnindex", ".snapshot"};
  for (size_t i = 0; i < kSizes; ++i) {
    const size_t length = std::min<size_t>(load_be<uint16_t>(data + 1 + 2 * i), left.size());
    if (length > 0) write_file(disk, kSuffixes[i], left.first(length));
    left = left.subspan(length);
  }
  write_file(disk, ".log", left);
  storage::FilePool files(4);
  auto log = storage::Log::open({.disk = disk,
                                 .files = files,
                                 .directory = std::string(kFolder),
                                 .partition = {"t", PartitionIndex(0)},
                                 .config = {},
                                 .was_clean = was_clean,
                                 .now = clock.wall()});
  CHECK(log.has_value() || was_clean, "a log cannot be recovered: {}", log.error().message);
  if (log && !was_clean) read_all(**log);
  return 0;
}
