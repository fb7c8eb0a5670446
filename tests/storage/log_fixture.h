// LogFixture: a log on a simulated disk, with the batches that producers and coordinators would send it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "protocol/batch_builder.h"
#include "protocol/control_record.h"
#include "sim/disk.h"
#include "storage/log.h"

namespace weir::storage {

struct BatchSpec {
  int records = 1;
  size_t value_size = 10;
  Timestamp timestamp{1'000};
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch{0};
  int32_t sequence = 0;
  bool transactional = false;
  protocol::Compression codec = protocol::Compression::kNone;
  bool keys = true;
};
ByteVector make_batch(const BatchSpec& spec);
ByteVector make_marker(protocol::ControlType type, ProducerId id, ProducerEpoch epoch, int32_t coordinator_epoch = 0);

// All bytes that the log serves in [from, upper), read in pieces.
ByteVector read_all(Log& log, Offset from, Offset upper);
// The batches in `bytes`; the last may be cut, and is left out then.
std::vector<protocol::RecordBatch> batches_in(ByteView bytes);

// Copies a folder from one disk to another.
void copy_folder(Disk& from, Disk& to, const std::string& folder);

class LogFixture : public ::testing::Test {
 protected:
  explicit LogFixture(uint64_t seed = 1) : simulation_(seed) {}

  // Opens the log as after a crash, or as after a clean stop.
  Result<> open(bool was_clean = false, Offset recovery_point = Offset(0), Offset log_start = Offset(0));
  // The log closes in order and is opened again.
  void restart();
  // The process dies and the log is opened again, without loss of what the kernel had.
  void crash_and_open(Offset recovery_point = Offset(0), Offset log_start = Offset(0));
  // Runs a flush of everything at once.
  void flush();

  AppendResult append(const BatchSpec& spec, LeaderEpoch epoch = LeaderEpoch(0));
  AppendResult append_bytes(ByteVector batch, AppendOrigin origin = AppendOrigin::kClient,
                            LeaderEpoch epoch = LeaderEpoch(0));
  void append_good(const BatchSpec& spec, int times = 1);
  void append_marker(protocol::ControlType type, ProducerId id, ProducerEpoch epoch = ProducerEpoch(0));
  std::vector<protocol::RecordBatch> served(Offset from = Offset(0));
  std::vector<std::string> file_names();
  std::string content(const std::string& name) { return disk_.read_file(folder_ + "/" + name).value_or("(none)"); }

  sim::Simulation simulation_;
  sim::SimClock clock_{simulation_, seconds(0), seconds(0)};
  sim::SimDisk disk_{simulation_, clock_};
  FilePool files_{6};
  std::string folder_ = "data/t-0";
  Uuid topic_id_{7, 7};
  LogConfig config_;
  Timestamp now_{1'000'000};
  std::unique_ptr<Log> log_;

 private:
  ByteVector served_bytes_;
};

}  // namespace weir::storage
