// A world of one compacted log of src/storage with its disk: keys are written over and over, deleted, and written in
// transactions, while compaction runs beside the appends, the process dies in the middle of both, the power fails, and
// the disk is full. Every batch is flushed before it counts. One seed decides on everything.
//
// The driver plays the node's part, as in log_world.h.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/history.h"
#include "sim/machine.h"
#include "sim/worlds/run.h"
#include "storage/compaction.h"
#include "storage/log.h"

namespace weir::sim {

class CompactionWorld {
 public:
  explicit CompactionWorld(const RunOptions& options);
  ~CompactionWorld();
  RunResult run();

 private:
  using Written = KeyedRecords;

  void start();
  void play_round();
  storage::LogOptions log_options();
  Task<void> open();
  Task<void> end_open_transactions();
  Task<void> drive();
  Task<void> act();
  Task<void> append();
  Task<void> append_transaction();
  Written make_records();
  ByteVector batch_of(const Written& records, bool is_transactional);
  // False when the batch was not appended and flushed.
  Task<bool> append_bytes(ByteVector bytes, storage::AppendOrigin origin);
  Task<bool> flush();
  void acknowledge(const Written& records);
  void save_checkpoints();
  Task<void> compact();
  Task<bool> swap_in(const storage::CompactedSegment& segment);
  Task<void> close();
  // Reads all of it and reports what the keys have.
  void read_whole();
  [[nodiscard]] Timestamp now() { return machine_.clock().wall(); }
  // Every error that is not the dying process's own end is a failure, unless the disk is full.
  void expect_no_error(std::string_view what, const Error& error);

  Simulation simulation_;
  Fabric fabric_;
  History history_;
  Machine machine_;
  storage::LogConfig config_;
  storage::CompactionMemory memory_{};
  int64_t writes_ = 0;
  int64_t producers_ = 0;
  ProducerId producer_{-1};
  int32_t sequence_ = 0;
  // Of the process that runs.
  std::shared_ptr<storage::FilePool> files_;
  std::shared_ptr<storage::Log> log_;
  Offset high_watermark_{0};
  LeaderEpoch leader_epoch_{0};
  bool opened_ = false;
  bool busy_ = false;
  bool compacting_ = false;
  bool was_clean_ = false;
  Duration round_end_{0};
};

RunResult run_compaction_world(const RunOptions& options);

}  // namespace weir::sim
