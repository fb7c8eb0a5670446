// A snapshot of the metadata as a file, and the metadata records in it; and records of the metadata log by themselves.
// Input: 1 byte that chooses, the file or the record's value.
#include "base/check.h"
#include "quorum/checkpoint.h"
#include "quorum/metadata_record.h"
#include "sim/disk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  if (size < 1) return 0;
  const ByteView bytes(data + 1, size - 1);
  if ((data[0] & 1) != 0) {
    (void)quorum::decode_metadata_record(bytes);
    return 0;
  }
  sim::Simulation simulation(1);
  sim::SimClock clock(simulation, Duration::zero(), Duration::zero());
  sim::SimDisk disk(simulation, clock);
  const auto file = disk.open("checkpoint", OpenMode::kCreate);
  CHECK(file && (*file)->write_at(0, bytes).has_value());
  const auto content = quorum::read_checkpoint(disk, "checkpoint");
  if (!content) return 0;
  for (const ByteView value : content->values) (void)quorum::decode_metadata_record(value);
  return 0;
}
