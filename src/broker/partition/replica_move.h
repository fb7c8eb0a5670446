// ReplicaMove: the way of one partition's log to another log directory of this node. A copy is made beside the log (a
// "future" folder) while that goes on taking records; when the copy has everything and the controller knows of the new
// directory, the copy takes the log's place. Until that moment the log is what counts, so that a node that ends in
// between goes on with the copy. Lives on the shard of its partition; loop thread only. The copy is written on disk
// threads, by one job at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/seams.h"
#include "base/sync.h"
#include "broker/log_dirs.h"
#include "storage/log.h"

namespace weir::broker {

class BrokerShard;
class Partition;

// Partitions of one shard that are copied at a time: one, so that a move of many leaves the disk threads to others.
struct CopyTurn {
  bool taken = false;
  WaitList waiting;
};

class ReplicaMove : public std::enable_shared_from_this<ReplicaMove> {
 public:
  // Copied at a time: large enough to be cheap, small enough to share a disk thread.
  static constexpr size_t kChunkSize = size_t{1} << 20;
  // What the loop itself may copy at the end, in the moment in which the copy takes the log's place.
  static constexpr size_t kTailSizeMax = size_t{256} << 10;
  // Attempts to get so near to the end of the log, while its records wait to be committed.
  static constexpr int kRoundsMax = 8;

  // How a move ends before its time.
  enum class Ending : uint8_t {
    kNone,
    kCancelled,  // the copy is deleted
    kKept,       // the node stops: the copy is left for the next run
    kAbandoned,  // a directory failed: nothing more is done on it
  };
  // What is in the copy so far.
  struct Progress {
    Offset end{0};
    Offset start{0};
    bool start_is_ahead = false;
    Offset recovery_point{0};
    uint64_t size = 0;  // bytes
  };

  // `future`: the log in the copy's folder. The partition outlives the move's work, not the move.
  ReplicaMove(BrokerShard& shard, Partition& partition, std::unique_ptr<storage::Log> future, LogPlace target);

  // Begins the work, on the current loop; `partition` is kept until it ends.
  void start(std::shared_ptr<Partition> partition);
  [[nodiscard]] const LogPlace& target() const { return target_; }
  [[nodiscard]] const Progress& progress() const { return progress_; }
  // The metadata have the target as the partition's directory.
  void on_assigned();
  // Ends the move where it is, without waiting. When it is past the point of no return it is finished.
  void end(Ending ending);
  // Waits until nothing is done any more.
  Task<void> ended();

 private:
  Task<void> run(std::shared_ptr<Partition> partition);
  Task<Result<>> copy_and_swap();
  Task<bool> take_turn();
  void give_turn_back();
  // Copies until the copy ends where the log does. Stops early when the move is to end.
  Task<Result<>> catch_up(bool throttled);
  // Cuts off of the copy what the log does not have (any more).
  Task<Result<>> agree();
  [[nodiscard]] bool agrees() const;
  Task<Result<>> copy_chunk();
  // Appends what was read of the log. Disk thread, or the loop for the tail.
  Result<> append(const storage::ReadResult& read, Offset log_start, const storage::LogConfig& config);
  Task<Result<>> flush_copy();
  Task<Result<bool>> try_swap();
  Task<Result<bool>> swap_while_held();
  Result<bool> copy_tail();
  Result<> exchange();
  Task<void> sync_directories();
  Task<void> clean_up(const Result<>& outcome);
  Task<void> delete_copy();
  void note_progress();
  // Remembers whose fault an error is.
  std::unexpected<Error> source_failed(Error error);
  std::unexpected<Error> target_failed(Error error);

  BrokerShard& shard_;
  NodeContext& node_;
  Partition& partition_;
  std::unique_ptr<storage::Log> future_;  // none once it has taken the log's place
  LogPlace target_;
  Progress progress_;
  Ending ending_ = Ending::kNone;
  bool is_assigned_ = false;
  bool asked_controller_ = false;
  bool has_turn_ = false;
  bool done_ = false;
  std::optional<uint64_t> agreed_generation_;  // of the log's content, that the copy was compared with
  std::string failed_directory_;
  std::string marked_folder_;  // of the former log, once the copy has its place
  std::string former_directory_;
  WaitList changed_;
};

}  // namespace weir::broker
