// A world of one log of src/storage with its disk: idempotent producers append to it without a node around it, while
// the process dies in the middle of writes, the power fails, and the disk is full. One seed decides on the log's
// settings and everything that happens.
//
// The driver plays the node's part: it acknowledges a batch when the log has it or, in worlds that flush each record,
// when a flush has ended; it keeps the checkpoint of the recovery point; it closes the log in good order or not at all.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/history.h"
#include "sim/machine.h"
#include "sim/worlds/run.h"
#include "storage/log.h"

namespace weir::sim {

class LogWorld {
 public:
  explicit LogWorld(const RunOptions& options);
  ~LogWorld();
  RunResult run();

 private:
  // A producer sends one batch at a time and sends it again until it knows its fate.
  struct Producer {
    std::string name;
    ProducerId id;
    int32_t next_sequence = 0;
    int64_t next_number = 0;
    struct Batch {
      int32_t sequence;
      int64_t first_number;
      int32_t count;
      ByteVector bytes;  // as made, before the log patches them
    };
    std::optional<Batch> undecided;
    // What the log must recognise when it comes again, as by a late retry: the last five batches, of which only the
    // newest comes through a restart.
    struct Stored {
      Batch batch;
      Offset offset;
    };
    std::deque<Stored> stored;
  };

  void start();
  void play_round();
  void end_round();
  void lose_unflushed();
  void new_producers();
  storage::LogOptions log_options();

  Task<void> open();
  Task<void> drive();
  Task<void> act();
  Task<void> append(Producer& producer);
  void make_batch(Producer& producer);
  Task<bool> flush(storage::FlushNeed need);
  void acknowledge(Producer& producer, const storage::AppendInfo& info);
  void send_again(Producer& producer);
  Task<void> read_some();
  Task<void> maintain();
  void read_whole();
  Task<void> write_number(std::string_view path, Offset number);
  void check_leader_epochs();
  Task<void> close();
  // Reports the records of the bytes of a read from `from`; returns the offset behind the last whole batch.
  Offset report_records(Offset from, ByteView bytes, WholeLog* whole);
  [[nodiscard]] Timestamp now() { return machine_.clock().wall(); }
  // Every error that is not the dying process's own end is a failure, unless the disk is full.
  void expect_no_error(std::string_view what, const Error& error);

  Simulation simulation_;
  Fabric fabric_;
  History history_;
  Machine machine_;
  bool flushes_each_record_ = false;
  storage::LogConfig config_;
  std::vector<Producer> producers_;
  int producer_count_ = 0;
  // Of the process that runs.
  std::shared_ptr<storage::FilePool> files_;
  std::shared_ptr<storage::Log> log_;
  Offset high_watermark_{0};
  LeaderEpoch leader_epoch_{0};
  Offset deleted_before_{0};
  bool opened_ = false;
  bool busy_ = false;
  // What a node finds of the last one: the clean-shutdown marker, and nothing else that the disk does not hold.
  bool was_clean_ = false;
  bool power_was_lost_ = false;
  bool retention_under_way_ = false;
  Duration round_end_{0};
};

RunResult run_log_world(const RunOptions& options);

}  // namespace weir::sim
