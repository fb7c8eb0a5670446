#include "broker/cleaner/log_cleaner.h"

#include <algorithm>

#include "base/log.h"
#include "broker/cleaner/compact_partition.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

// A backoff of no time would keep the loop busy with looking.
constexpr Duration kBackoffMin = milliseconds(10);

// What one shard has.
struct Survey {
  std::optional<PartitionKey> dirtiest;  // of those that are due
  double dirtiest_ratio = 0;
  double ratio_max = 0;
  size_t uncleanable = 0;
};

Task<Survey> survey(BrokerShard& shard, Clock& clock) {
  Survey found;
  std::vector<std::shared_ptr<Partition>> compacted;
  shard.for_each_partition([&](const std::shared_ptr<Partition>& partition) {
    if (partition->compaction().is_uncleanable) ++found.uncleanable;
    if (partition->log().config().compacts) compacted.push_back(partition);
  });
  for (const std::shared_ptr<Partition>& partition : compacted) {
    const auto need = co_await compaction_need(partition, shard.cold_reads(), clock);
    if (!need) continue;
    const double ratio = need->dirtiness.ratio();
    found.ratio_max = std::max(found.ratio_max, ratio);
    if (!need->is_due || (found.dirtiest && ratio <= found.dirtiest_ratio)) continue;
    found.dirtiest = PartitionKey{partition->topic_id(), partition->index()};
    found.dirtiest_ratio = ratio;
  }
  co_return found;
}

Task<CompactionOutcome> compact_on(BrokerShard& shard, PartitionKey key, CleanerSettings settings) {
  const std::shared_ptr<Partition>* found = shard.find_partition(key.topic_id, key.index);
  if (found == nullptr) co_return CompactionOutcome{};
  const std::shared_ptr<Partition> partition = *found;
  const CompactionOutcome outcome =
      co_await compact_partition(partition, shard.node().seams, shard.cold_reads(), settings);
  if (outcome.completed) {
    log_info("cleaner", "a log was compacted", kv("topic", partition->topic()), kv("partition", partition->index()),
             kv("keys", outcome.stats.keys), kv("bytes_before", outcome.log_bytes_before),
             kv("bytes_after", outcome.log_bytes_after));
  }
  co_return outcome;
}

}  // namespace

void LogCleaner::start() {
  last_look_ = Loop::current().now();
  Loop::current().spawn(run());
}

void LogCleaner::stop() {
  stopping_ = true;
  changed_.notify_all();
}

CleanerReport LogCleaner::report() const {
  CleanerReport report = report_;
  report.seconds_since_look = static_cast<double>((Loop::current().now() - last_look_).count()) * 1e-9;
  return report;
}

Task<void> LogCleaner::run() {
  while (!stopping_) {
    const CleanerSettings settings = CleanerSettings::of(node_.layers(*node_.shards.front()->image()));
    std::optional<Choice> choice;
    if (settings.enabled && report_.running < settings.at_once) choice = co_await choose();
    if (stopping_) break;
    if (choice) {
      ++report_.running;
      Loop::current().spawn(compact(*choice, settings));
      // It is only marked as being compacted when its shard has begun.
      co_await changed_.wait_until(Loop::current().now() + kBackoffMin);
      continue;
    }
    co_await changed_.wait_until(Loop::current().now() + std::max(settings.backoff, kBackoffMin));
  }
}

Task<std::optional<LogCleaner::Choice>> LogCleaner::choose() {
  std::optional<Choice> choice;
  double ratio = 0;
  double ratio_max = 0;
  size_t uncleanable = 0;
  for (size_t i = 0; i < node_.shards.size(); ++i) {
    BrokerShard* shard = node_.shards[i];
    const Survey found =
        co_await call_on(shard->loop(), [shard, clock = &node_.seams.clock] { return survey(*shard, *clock); });
    ratio_max = std::max(ratio_max, found.ratio_max);
    uncleanable += found.uncleanable;
    if (!found.dirtiest || (choice && found.dirtiest_ratio <= ratio)) continue;
    choice = Choice{i, *found.dirtiest};
    ratio = found.dirtiest_ratio;
  }
  report_.dirty_ratio_max = ratio_max;
  report_.uncleanable = uncleanable;
  last_look_ = Loop::current().now();
  co_return choice;
}

Task<void> LogCleaner::compact(Choice choice, CleanerSettings settings) {
  BrokerShard* shard = node_.shards[choice.shard];
  const CompactionOutcome outcome = co_await call_on(
      shard->loop(), [shard, choice, settings] { return compact_on(*shard, choice.partition, settings); });
  count(outcome);
  if (outcome.completed) {
    const Result<> written = co_await maintenance_.write_checkpoints(Checkpoints::kCleaned);
    if (!written) log_error("cleaner", "the checkpoint cannot be written", kv("why", written.error().message));
  }
  --report_.running;
  changed_.notify_all();
}

void LogCleaner::count(const CompactionOutcome& outcome) {
  report_.bytes_read += outcome.stats.bytes_read;
  report_.bytes_written += outcome.stats.bytes_written;
  if (!outcome.completed) return;
  ++report_.rounds;
  report_.map_used = outcome.stats.map_used;
  // Records that came meanwhile may have made up for it.
  if (outcome.log_bytes_after < outcome.log_bytes_before) {
    report_.bytes_removed += outcome.log_bytes_before - outcome.log_bytes_after;
  }
}

}  // namespace weir::broker
