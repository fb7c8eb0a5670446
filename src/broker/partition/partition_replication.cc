// Partition as one of several replicas: what the leader asks the controller for, and what a follower does with what the
// leader sends.
#include <algorithm>

#include "base/log.h"
#include "broker/isr_changes.h"
#include "broker/node_context.h"
#include "broker/partition/partition.h"
#include "broker/shard.h"

namespace weir::broker {

void Partition::check_isr() {
  if (stopped_ || !is_leader() || replication_.is_alone()) return;
  const quorum::MetadataImage& image = *node_.shard_of(topic_id_, index_).image();
  const auto is_eligible = [&image](const IsrMember& member) {
    const quorum::BrokerImage* broker = image.broker(member.id);
    return broker != nullptr && broker->is_active() &&
           (member.epoch == BrokerEpoch(-1) || member.epoch == broker->epoch);
  };
  auto wanted = replication_.wanted_isr(high_watermark_, log_->log_end_offset(), is_eligible, loop_.now(),
                                        milliseconds(node_.replica_lag_max));
  if (!wanted) return;
  replication_.ask(*wanted);
  node_.isr_changes->ask({.partition = {topic_id_, index_},
                          .leader_epoch = leader_epoch_,
                          .partition_epoch = partition_epoch_,
                          .isr = *std::move(wanted)});
}

void Partition::isr_was_refused(quorum::PartitionEpoch partition_epoch) {
  // Another may have been asked for since.
  if (!is_leader() || partition_epoch != partition_epoch_) return;
  replication_.give_up(loop_.now());
  advance();
}

Result<> Partition::append_fetched(LeaderEpoch epoch, ByteView records, Offset high_watermark,
                                   Offset leader_log_start) {
  if (!is_of_epoch(epoch)) return fail(Errc::kUnavailable, "the leader has changed");
  used_ = true;
  if (!records.empty()) {
    const Offset from = log_->log_end_offset();
    const Timestamp now = node_.seams.clock.wall();
    records = protocol::without_cut_entry(records);
    storage::AppendResult appended = log_->append_as_follower(records, now);
    if (!appended && appended.error().code == storage::AppendErrorCode::kUnexpectedOffset &&
        log_->log_start_offset() == log_->log_end_offset()) {
      // The leader's log begins in the middle of a batch, which comes whole.
      TRY_ASSIGN(const auto first, protocol::sniff_entry(records));
      CHECK(first.has_value(), "an entry with an offset that is not there");
      TRY(log_->truncate_fully_and_start_at(first->offset, now));
      appended = log_->append_as_follower(records, now);
    }
    if (log_->log_end_offset() > from) {
      note_fresh(from);
      request_flush(from);
    }
    if (!appended) {
      const Error error = to_error(appended.error());
      if (error.code == Errc::kIo) report_failure(error);
      return std::unexpected(error);
    }
  }
  if (leader_log_start > log_->log_start_offset() && leader_log_start <= log_->log_end_offset()) {
    TRY(log_->delete_records_before(leader_log_start));
  }
  const Offset reached = std::min(high_watermark, log_->log_end_offset());
  has_caught_up_ = reached == high_watermark;
  if (reached > high_watermark_) {
    high_watermark_ = reached;
    log_->advance_high_watermark(high_watermark_);
    wake_consumers();
  }
  return {};
}

Task<void> Partition::flushed() {
  // While commits are held a flush begins only afterwards.
  while (!stopped_ && unflushed_from_ && (flushing_ || held_)) co_await disk_work_.wait();
}

void Partition::lower_high_watermark(Offset end) {
  high_watermark_ = std::min(high_watermark_, end);
  if (unflushed_from_ && *unflushed_from_ > end) unflushed_from_.reset();
}

// The leader's epoch may have had more here, or less, or may not be known here at all.
Offset Partition::truncation_point(const storage::EpochEnd& diverging) const {
  const storage::EpochEnd own = log_->epoch_end_offset(diverging.epoch);
  return own.end == kNoOffset           ? log_->log_start_offset()
         : own.epoch == diverging.epoch ? std::min(own.end, diverging.end)
                                        : own.end;
}

Result<> Partition::truncate_to(LeaderEpoch epoch, const storage::EpochEnd& diverging) {
  if (!is_of_epoch(epoch)) return fail(Errc::kUnavailable, "the leader has changed");
  const Offset point = truncation_point(diverging);
  log_info("partition", "truncates what its leader does not have", kv("topic", topic_), kv("partition", index_),
           kv("from", log_->log_end_offset()), kv("to", point));
  TRY(log_->truncate_to(point, node_.seams.clock.wall()));
  lower_high_watermark(point);
  remove_taken_files();
  return {};
}

Result<> Partition::start_over(LeaderEpoch epoch, Offset offset) {
  if (!is_of_epoch(epoch)) return fail(Errc::kUnavailable, "the leader has changed");
  log_warn("partition", "starts over where its leader's log begins", kv("topic", topic_), kv("partition", index_),
           kv("end", log_->log_end_offset()), kv("offset", offset));
  TRY(log_->truncate_fully_and_start_at(offset, node_.seams.clock.wall()));
  lower_high_watermark(offset);
  remove_taken_files();
  return {};
}

}  // namespace weir::broker
