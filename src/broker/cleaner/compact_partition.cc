#include "broker/cleaner/compact_partition.h"

#include <algorithm>

#include "base/log.h"
#include "base/sync.h"
#include "storage/full_disk.h"

namespace weir::broker {
namespace {

using storage::Compaction;

// What is read in one step: a disk thread is taken for some milliseconds, beside which the way to it costs nothing.
constexpr size_t kStepBytes = size_t{4} << 20;
constexpr size_t kStepBytesMin = size_t{64} << 10;
// Waits of a slowed-down compaction are cut so that the stop of a partition need not wait longer.
constexpr Duration kPauseMax = milliseconds(100);
constexpr double kPausesPerSecond = 10;

class Round {
 public:
  Round(std::shared_ptr<Partition> partition, Seams seams, ColdReads& reads, const CleanerSettings& settings)
      : partition_(std::move(partition)), log_(partition_->log()), seams_(seams), reads_(reads), settings_(settings) {}

  Task<Result<bool>> run(storage::Dirtiness dirtiness);
  [[nodiscard]] const storage::CompactionStats& stats() const { return stats_; }

 private:
  // False: the round is given up.
  Task<Result<bool>> go_on();
  Task<Result<>> swap_in();
  Task<void> slow_down(MonotonicTime began);
  [[nodiscard]] bool is_over() const { return partition_->stopped() || !log_.compacting(); }

  std::shared_ptr<Partition> partition_;
  storage::Log& log_;
  Seams seams_;
  ColdReads& reads_;
  CleanerSettings settings_;
  std::shared_ptr<Compaction> compaction_;
  storage::CompactionStats stats_;
};

Task<Result<bool>> Round::run(storage::Dirtiness dirtiness) {
  CO_TRY_ASSIGN(auto plan, co_await reads_.look_up(partition_, [&](storage::Log& log) {
    return log.start_compaction(dirtiness, seams_.clock.wall());
  }));
  const storage::CompactionMemory memory{.map_bytes = settings_.map_bytes,
                                         .map_load_factor = settings_.map_load_factor,
                                         .io_buffer_bytes = settings_.io_buffer_bytes,
                                         .seed = {seams_.random.next(), seams_.random.next()}};
  // The map is large: the loop must not wait for its memory, nor for giving it back.
  compaction_ = co_await seams_.disk_threads.run([&disk = seams_.disk, plan = std::move(plan), memory]() mutable {
    return std::make_shared<Compaction>(disk, std::move(plan), memory);
  });
  Result<bool> completed = co_await go_on();
  stats_ = compaction_->stats();
  const Offset end = compaction_->end();
  const Result<> discarded =
      co_await seams_.disk_threads.run([compaction = std::move(compaction_)]() mutable -> Result<> {
        const Result<> removed = compaction->discard();
        compaction.reset();
        return removed;
      });
  log_.end_compaction(completed.value_or(false) ? std::optional(end) : std::nullopt);
  if (completed && !discarded) co_return std::unexpected(discarded.error());
  co_return completed;
}

Task<Result<bool>> Round::go_on() {
  const auto bytes =
      static_cast<size_t>(std::clamp(settings_.bytes_per_second / kPausesPerSecond, static_cast<double>(kStepBytesMin),
                                     static_cast<double>(kStepBytes)));
  const MonotonicTime began = Loop::current().now();
  while (!is_over()) {
    const Result<Compaction::Step> step =
        co_await seams_.disk_threads.run([compaction = compaction_, bytes] { return compaction->step(bytes); });
    if (is_over()) break;
    if (!step) co_return std::unexpected(step.error());
    if (*step == Compaction::Step::kDone) co_return true;
    if (*step == Compaction::Step::kSegment) CO_TRY(co_await swap_in());
    co_await slow_down(began);
  }
  co_return false;
}

Task<Result<>> Round::swap_in() {
  while (true) {
    const Result<bool> to_be_synced = log_.swap_in(compaction_->segment());
    if (to_be_synced && !*to_be_synced) break;
    if (to_be_synced) {
      const Result<> synced = co_await seams_.disk_threads.run(
          [&disk = seams_.disk, folder = log_.directory()] { return disk.sync_directory(folder); });
      if (!synced) partition_->take_offline("a compacted segment cannot take its place", synced.error());
      CO_TRY(synced);
      continue;
    }
    // Half of it is done, and readers see the whole: it can wait for room. The next start can end it too.
    const bool can_wait = to_be_synced.error().code == Errc::kNoSpace && !partition_->stopped();
    if (!can_wait) {
      // A start completes the swap, whatever has become of the log by then: it must not go on before that.
      partition_->take_offline("a compacted segment cannot take its place", to_be_synced.error());
      co_return std::unexpected(to_be_synced.error());
    }
    co_await sleep_for(storage::kFullDiskRetryInterval);
  }
  partition_->remove_taken_files();
  co_return Result<>();
}

Task<void> Round::slow_down(MonotonicTime began) {
  if (settings_.bytes_per_second <= 0) co_return;
  const auto moved = static_cast<double>(compaction_->stats().bytes_read + compaction_->stats().bytes_written);
  const double due_ns = std::min(moved / settings_.bytes_per_second * 1e9, 1e18);
  const MonotonicTime due = began + Duration(static_cast<int64_t>(due_ns));
  for (MonotonicTime now = Loop::current().now(); now < due && !is_over(); now = Loop::current().now()) {
    co_await sleep_for(std::min<Duration>(due - now, kPauseMax));
  }
}

// What is wrong with the log stays so until somebody does something; want of room passes.
void note_failure(Partition& partition, const Error& error, MonotonicTime now) {
  // The partition goes, or the disk is slow: nothing is wrong with the log.
  if (error.code == Errc::kUnavailable || error.code == Errc::kTimedOut) return;
  if (error.code == Errc::kNoSpace) {
    partition.compaction().not_before = now + storage::kFullDiskRetryInterval;
    log_warn("cleaner", "compaction waits for room on the disk", kv("topic", partition.topic()),
             kv("partition", partition.index()), kv("why", error.message));
    return;
  }
  partition.compaction().is_uncleanable = true;
  log_error("cleaner", "a log cannot be compacted and is left as it is", kv("topic", partition.topic()),
            kv("partition", partition.index()), kv("why", error.message));
}

}  // namespace

Task<std::optional<CompactionNeed>> compaction_need(std::shared_ptr<Partition> partition, ColdReads& reads,
                                                    Clock& clock) {
  const auto is_wanted = [&] {
    const PartitionCompaction& state = partition->compaction();
    return !partition->stopped() && partition->move() == nullptr && partition->log().config().compacts &&
           !state.is_running && !state.is_uncleanable && Loop::current().now() >= state.not_before;
  };
  if (!is_wanted()) co_return std::nullopt;
  const Result<storage::Dirtiness> dirtiness = co_await reads.look_up(
      partition, [&](storage::Log& log) { return log.dirtiness(partition->last_stable_offset(), clock.wall()); });
  if (!dirtiness) {
    note_failure(*partition, dirtiness.error(), Loop::current().now());
    co_return std::nullopt;
  }
  // Another look may have begun a round meanwhile.
  if (!is_wanted()) co_return std::nullopt;
  const bool is_due = dirtiness->dirty_bytes > 0 &&
                      (dirtiness->is_overdue || dirtiness->ratio() > partition->log().config().cleanable_ratio_min);
  co_return CompactionNeed{.dirtiness = *dirtiness, .is_due = is_due};
}

Task<CompactionOutcome> compact_partition(std::shared_ptr<Partition> partition, Seams seams, ColdReads& reads,
                                          CleanerSettings settings) {
  CompactionOutcome outcome;
  // What was found before may have changed on the way here.
  const auto need = co_await compaction_need(partition, reads, seams.clock);
  if (!need || !need->is_due || partition->compaction().is_running) co_return outcome;
  storage::Log& log = partition->log();
  outcome.log_bytes_before = log.size();
  partition->compaction_began();
  Round round(partition, seams, reads, settings);
  const Result<bool> completed = co_await round.run(need->dirtiness);
  if (!completed) note_failure(*partition, completed.error(), Loop::current().now());
  outcome.completed = completed.value_or(false);
  outcome.stats = round.stats();
  outcome.log_bytes_after = log.size();
  partition->compaction_ended();
  co_return outcome;
}

}  // namespace weir::broker
