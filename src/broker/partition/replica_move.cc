#include "broker/partition/replica_move.h"

#include "base/log.h"
#include "broker/directory_assignments.h"
#include "broker/partition/cold_reads.h"
#include "broker/partition/partition.h"
#include "broker/shard.h"
#include "protocol/record_batch.h"
#include "storage/full_disk.h"

namespace weir::broker {
namespace {}  // namespace

ReplicaMove::ReplicaMove(BrokerShard& shard, Partition& partition, std::unique_ptr<storage::Log> future,
                         LogPlace target)
    : shard_(shard),
      node_(shard.node()),
      partition_(partition),
      future_(std::move(future)),
      target_(std::move(target)),
      is_assigned_(partition.assigned_directory() == target_.id) {
  future_->detach();
  note_progress();
}

void ReplicaMove::note_progress() {
  progress_ = {.end = future_->log_end_offset(),
               .start = future_->log_start_offset(),
               .start_is_ahead = future_->log_start_offset() > future_->first_segment_offset(),
               .recovery_point = future_->recovery_point(),
               .size = future_->size()};
}

void ReplicaMove::start(std::shared_ptr<Partition> partition) {
  log_info("move", "begins", kv("topic", partition_.topic()), kv("partition", partition_.index()),
           kv("from", partition_.place().directory), kv("to", target_.directory));
  shard_.loop().spawn(run(std::move(partition)));
}

void ReplicaMove::on_assigned() {
  is_assigned_ = true;
  changed_.notify_all();
}

void ReplicaMove::end(Ending ending) {
  if (ending_ == Ending::kNone || ending == Ending::kAbandoned) ending_ = ending;
  changed_.notify_all();
  shard_.copy_turn().waiting.notify_all();
}

Task<void> ReplicaMove::ended() {
  while (!done_) co_await changed_.wait();
}

Task<void> ReplicaMove::run(std::shared_ptr<Partition> partition) {
  const std::shared_ptr<ReplicaMove> self = shared_from_this();
  Result<> outcome = co_await copy_and_swap();
  while (!outcome && outcome.error().code == Errc::kNoSpace && ending_ == Ending::kNone) {
    log_warn("move", "waits for room on the disk", kv("topic", partition->topic()), kv("partition", partition->index()),
             kv("why", outcome.error().message));
    co_await sleep_for(storage::kFullDiskRetryInterval);
    outcome = co_await copy_and_swap();
  }
  give_turn_back();
  co_await clean_up(outcome);
  done_ = true;
  partition->move_ended(*this, ending_ == Ending::kKept);
  changed_.notify_all();
}

Task<Result<>> ReplicaMove::copy_and_swap() {
  while (ending_ == Ending::kNone) {
    if (!co_await take_turn()) break;
    CO_TRY(co_await catch_up(true));
    if (ending_ != Ending::kNone) break;
    if (!is_assigned_) {
      // The controller first: a directory that it does not know of cannot be what the partition's leadership hangs on.
      asked_controller_ = true;
      node_.assignments->assign({partition_.topic_id(), partition_.index()}, target_.id);
      while (!is_assigned_ && ending_ == Ending::kNone) co_await changed_.wait();
      continue;
    }
    CO_TRY_ASSIGN(const bool swapped, co_await try_swap());
    if (swapped) break;
  }
  co_return Result<>();
}

Task<bool> ReplicaMove::take_turn() {
  CopyTurn& turn = shard_.copy_turn();
  while (!has_turn_ && turn.taken && ending_ == Ending::kNone) co_await turn.waiting.wait();
  if (ending_ != Ending::kNone) co_return false;
  has_turn_ = turn.taken = true;
  co_return true;
}

void ReplicaMove::give_turn_back() {
  if (!std::exchange(has_turn_, false)) return;
  shard_.copy_turn().taken = false;
  shard_.copy_turn().waiting.notify_all();
}

// ---------------------------------------------------------------------------------------------------------------- copy

Task<Result<>> ReplicaMove::catch_up(bool throttled) {
  for (;;) {
    CO_TRY(co_await agree());
    if (ending_ != Ending::kNone || progress_.end == partition_.log().log_end_offset()) co_return Result<>();
    while (throttled && ending_ == Ending::kNone) {
      const Duration wait = co_await node_.log_dirs->wait_to_copy(kChunkSize);
      if (wait == Duration(0)) break;
      co_await sleep_for(wait);
    }
    if (ending_ == Ending::kNone) CO_TRY(co_await copy_chunk());
  }
}

bool ReplicaMove::agrees() const { return agreed_generation_ == partition_.log().generation(); }

Task<Result<>> ReplicaMove::agree() {
  while (!agrees()) {
    storage::Log& log = partition_.log();
    const uint64_t generation = log.generation();
    // As a follower finds where it has left its leader: by the epochs of their records.
    Offset common = std::min(future_->log_end_offset(), log.log_end_offset());
    const storage::EpochEnd theirs = log.epoch_end_offset(future_->latest_epoch());
    if (theirs.end != kNoOffset) {
      const storage::EpochEnd ours = future_->epoch_end_offset(theirs.epoch);
      common = std::min({common, theirs.end, ours.end == kNoOffset ? theirs.end : ours.end});
    }
    const Timestamp now = node_.seams.clock.wall();
    const Result<bool> cut =
        co_await node_.seams.disk_threads.run([future = future_.get(), common, now]() -> Result<bool> {
          TRY_ASSIGN(const bool truncated, future->truncate_to(common, now));
          future->detach();
          return truncated;
        });
    if (!cut) co_return target_failed(cut.error());
    note_progress();
    agreed_generation_ = generation;
  }
  co_return Result<>();
}

Task<Result<>> ReplicaMove::copy_chunk() {
  storage::Log& log = partition_.log();
  const Result<storage::ReadResult> read =
      co_await shard_.cold_reads().look_up(partition_.shared_from_this(), [&](storage::Log& source) {
        const Offset from = std::max(progress_.end, source.log_start_offset());
        return source.read(from, kChunkSize, source.log_end_offset(), true);
      });
  if (partition_.stopped()) {
    // Whoever stopped it says what becomes of the move.
    while (ending_ == Ending::kNone) co_await changed_.wait();
    co_return Result<>();
  }
  if (!read) co_return source_failed(read.error());
  const Offset start = log.log_start_offset();
  const storage::LogConfig config = log.config();
  const Result<> appended = co_await node_.seams.disk_threads.run([this, &read, start, config]() -> Result<> {
    TRY(append(*read, start, config));
    future_->detach();
    return {};
  });
  if (!appended) co_return std::unexpected(appended.error());
  note_progress();
  co_return Result<>();
}

Result<> ReplicaMove::append(const storage::ReadResult& read, Offset log_start, const storage::LogConfig& config) {
  const Timestamp now = node_.seams.clock.wall();
  future_->set_config(config);
  if (read.records.length == 0) {
    if (future_->log_end_offset() >= log_start)
      return source_failed({Errc::kCorrupt, "nothing can be read where the copy ends"});
    // The log holds nothing any more.
    if (auto begun = future_->truncate_fully_and_start_at(log_start, now); !begun) return target_failed(begun.error());
    return {};
  }
  // The log's own start went by while the copy was made, or the copy begins in the middle of a batch.
  if (future_->log_end_offset() < log_start ||
      (future_->log_end_offset() > read.first_base_offset && future_->size() == 0)) {
    if (auto begun = future_->truncate_fully_and_start_at(read.first_base_offset, now); !begun)
      return target_failed(begun.error());
  }
  Buffer buffer = Buffer::allocate(read.records.length);
  const MutableBytes bytes(buffer.data(), read.records.length);
  const Result<size_t> got = read.records.file->read_at(read.records.position, bytes);
  if (!got) return source_failed(got.error());
  const storage::AppendResult appended =
      future_->append_as_follower(protocol::without_cut_entry({bytes.data(), *got}), now);
  if (!appended) return target_failed(to_error(appended.error()));
  if (log_start > future_->log_start_offset() && log_start <= future_->log_end_offset()) {
    if (auto raised = future_->delete_records_before(log_start); !raised) return target_failed(raised.error());
  }
  return {};
}

Task<Result<>> ReplicaMove::flush_copy() {
  const Timestamp now = node_.seams.clock.wall();
  const Result<> flushed = co_await node_.seams.disk_threads.run([future = future_.get(), now]() -> Result<> {
    TRY_ASSIGN(const storage::FlushJob job, future->start_flush(storage::FlushNeed::kAll, now));
    const Result<> synced = job.run();
    future->finish_flush(job, synced);
    future->detach();
    return synced;
  });
  if (!flushed) co_return target_failed(flushed.error());
  note_progress();
  co_return Result<>();
}

// ---------------------------------------------------------------------------------------------------------------- swap

Task<Result<bool>> ReplicaMove::try_swap() {
  // None begins while a partition moves. What it swaps would be the log that is given up.
  co_await partition_.disk_work_ended();
  // Nothing is committed from here to the end: all that was is then on the copy's device, and nobody is told of a
  // record that is safe in the log only.
  partition_.hold_commits();
  co_await partition_.disk_work_ended();
  Result<bool> swapped = co_await swap_while_held();
  partition_.release_commits();
  co_return swapped;
}

Task<Result<bool>> ReplicaMove::swap_while_held() {
  for (int round = 0; round < kRoundsMax; ++round) {
    CO_TRY(co_await catch_up(false));
    if (ending_ == Ending::kNone) CO_TRY(co_await flush_copy());
    if (ending_ != Ending::kNone || partition_.stopped()) co_return false;
    // What came during the flush. Nothing else runs on this loop until the copy has the log's place.
    CO_TRY_ASSIGN(const bool complete, copy_tail());
    if (!complete) continue;
    CO_TRY(exchange());
    co_await sync_directories();
    co_return true;
  }
  co_return false;
}

Result<bool> ReplicaMove::copy_tail() {
  storage::Log& log = partition_.log();
  size_t left = kTailSizeMax;
  while (agrees() && future_->log_end_offset() < log.log_end_offset()) {
    Result<storage::ReadResult> read = log.read(future_->log_end_offset(), kTailSizeMax, log.log_end_offset(), true);
    if (!read && read.error().code == Errc::kWouldBlock) return false;
    if (!read) return source_failed(read.error());
    if (read->records.length > left) return false;
    left -= read->records.length;
    TRY(append(*read, log.log_start_offset(), log.config()));
  }
  note_progress();
  return agrees();
}

// The log's folder first: what is left by a crash between the two is a copy without a log beside it, in the directory
// that the metadata name, and that is taken for the log at the next start, by Kafka too.
Result<> ReplicaMove::exchange() {
  Disk& disk = node_.seams.disk;
  storage::Log& log = partition_.log();
  const std::string folder = log.directory();
  const std::string name = target_.directory + "/" + log.partition().to_string();
  former_directory_ = partition_.place().directory;
  marked_folder_ = node_.log_dirs->marked_folder(former_directory_, log.partition(), storage::DirectoryKind::kDeleted);
  log.detach();
  future_->detach();
  if (auto renamed = disk.rename(folder, marked_folder_); !renamed) {
    log.attach();
    return source_failed(renamed.error());
  }
  if (auto renamed = disk.rename(future_->directory(), name); !renamed) {
    const Result<> undone = disk.rename(marked_folder_, folder);
    log.attach();
    return undone ? target_failed(renamed.error()) : source_failed(undone.error());
  }
  future_->set_directory(name);
  future_->attach();
  const std::unique_ptr<storage::Log> former = partition_.replace_log(std::move(future_), target_);
  return {};
}

// A loss of power must not bring the log's old name back and forget the new one.
Task<void> ReplicaMove::sync_directories() {
  for (const std::string& directory : {target_.directory, former_directory_}) {
    Disk& disk = node_.seams.disk;
    const Result<> synced =
        co_await node_.seams.disk_threads.run([&disk, directory] { return disk.sync_directory(directory); });
    if (!synced && is_device_failure(synced.error().code))
      node_.log_dirs->report_failure(directory, synced.error().message);
  }
}

// ----------------------------------------------------------------------------------------------------------------- end

std::unexpected<Error> ReplicaMove::source_failed(Error error) {
  failed_directory_ = partition_.place().directory;
  return std::unexpected(std::move(error));
}

std::unexpected<Error> ReplicaMove::target_failed(Error error) {
  failed_directory_ = target_.directory;
  return std::unexpected(std::move(error));
}

Task<void> ReplicaMove::clean_up(const Result<>& outcome) {
  const auto log_end = [&](std::string_view how) {
    log_info("move", how, kv("topic", partition_.topic()), kv("partition", partition_.index()),
             kv("to", target_.directory));
  };
  if (future_ == nullptr) {
    log_end("done");
    const Duration delay = partition_.log().config().file_delete_delay;
    co_await node_.log_dirs->remove_log(former_directory_, marked_folder_, delay);
    co_return;
  }
  if (!outcome && ending_ == Ending::kNone) {
    log_error("move", "cannot be finished", kv("topic", partition_.topic()), kv("partition", partition_.index()),
              kv("to", target_.directory), kv("why", outcome.error().message));
    const bool device = is_device_failure(outcome.error().code);
    if (device) node_.log_dirs->report_failure(failed_directory_, outcome.error().message);
    ending_ = device ? Ending::kAbandoned : Ending::kCancelled;
  }
  if (ending_ == Ending::kCancelled) {
    co_await delete_copy();
    log_end("given up");
  } else if (ending_ == Ending::kKept) {
    const Result<> closed = co_await node_.seams.disk_threads.run([future = future_.get()] { return future->close(); });
    if (closed) note_progress();
    log_end("left for the next start");
  }
  future_.reset();
}

Task<void> ReplicaMove::delete_copy() {
  const std::string folder = future_->directory();
  const storage::TopicPartition partition = future_->partition();
  const Duration delay = future_->config().file_delete_delay;
  const std::string marked =
      node_.log_dirs->marked_folder(target_.directory, partition, storage::DirectoryKind::kDeleted);
  Disk& disk = node_.seams.disk;
  const Result<> renamed =
      co_await node_.seams.disk_threads.run([&disk, folder, marked] { return disk.rename(folder, marked); });
  if (!renamed) {
    log_warn("move", "the copy cannot be removed", kv("why", renamed.error().message));
    co_return;
  }
  co_await node_.log_dirs->remove_log(target_.directory, marked, delay);
}

}  // namespace weir::broker
