#include "broker/partition/partition.h"

#include <algorithm>

#include "base/log.h"
#include "broker/config/broker_config.h"
#include "broker/directory_assignments.h"
#include "broker/fetch/fetch_session.h"
#include "broker/node_context.h"
#include "broker/partition/cold_reads.h"
#include "broker/partition/replica_move.h"
#include "broker/replication_throttle.h"
#include "broker/shard.h"
#include "protocol/record_batch.h"
#include "storage/full_disk.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

// What was appended within this time is in the page cache: it is the last to be evicted, and evicted within seconds
// only where there is no memory for anything.
constexpr Duration kFreshTime = seconds(5);

// Read ahead of a fetch at once, beyond its first batch: what a fetch takes of a partition by default, a few times.
constexpr uint64_t kBroughtInMax = uint64_t{4} << 20;

ErrorCode code_of(storage::AppendErrorCode code) {
  using storage::AppendErrorCode;
  switch (code) {
    case AppendErrorCode::kRecordTooLarge:
      return ErrorCode::kMessageTooLarge;
    case AppendErrorCode::kCorrupt:
      return ErrorCode::kCorruptMessage;
    case AppendErrorCode::kInvalidRecord:
      return ErrorCode::kInvalidRecord;
    case AppendErrorCode::kInvalidTimestamp:
      return ErrorCode::kInvalidTimestamp;
    case AppendErrorCode::kBatchTooLarge:
      return ErrorCode::kRecordListTooLarge;
    case AppendErrorCode::kStaleProducerEpoch:
      return ErrorCode::kInvalidProducerEpoch;
    case AppendErrorCode::kOutOfOrderSequence:
      return ErrorCode::kOutOfOrderSequenceNumber;
    case AppendErrorCode::kInvalidTransaction:
      return ErrorCode::kInvalidTxnState;
    case AppendErrorCode::kStaleCoordinator:
      return ErrorCode::kTransactionCoordinatorFenced;
    case AppendErrorCode::kUnexpectedOffset:
      return ErrorCode::kUnknownServerError;
    case AppendErrorCode::kNoSpace:
    case AppendErrorCode::kIo:
      return ErrorCode::kKafkaStorageError;
  }
  return ErrorCode::kUnknownServerError;
}

// What is refused before the log looks at a client's batch; the log refuses what is no batch at all.
ErrorCode check_features(ByteView batch, bool zstd_allowed) {
  if (batch.size() < protocol::kBatchHeaderSize) return ErrorCode::kNone;
  const protocol::RecordBatch header(batch);
  if (header.magic() != protocol::kMagic) return ErrorCode::kNone;
  if (!zstd_allowed && header.codec() == protocol::Compression::kZstd) return ErrorCode::kUnsupportedCompressionType;
  // There is no transaction coordinator that could have begun its transaction.
  return header.is_transactional() ? ErrorCode::kInvalidTxnState : ErrorCode::kNone;
}

}  // namespace

Partition::Partition(NodeContext& node, Loop& loop, std::string topic, Uuid topic_id, PartitionIndex index,
                     OpenedLog opened)
    : node_(node),
      loop_(loop),
      topic_(std::move(topic)),
      topic_id_(topic_id),
      index_(index),
      log_(std::move(opened.log)),
      self_(node.node_id),
      replication_(node.node_id),
      high_watermark_(std::clamp(opened.checkpointed_high_watermark, log_->log_start_offset(), log_->log_end_offset())),
      place_(std::move(opened.place)),
      unfinished_move_(opened.moving_to ? opened.moving_to->id : kZeroUuid) {}

Partition::~Partition() = default;

void Partition::apply(const quorum::PartitionImage& image) {
  const bool new_epoch = image.leader_epoch != leader_epoch_;
  leader_ = image.leader;
  leader_epoch_ = image.leader_epoch;
  partition_epoch_ = image.partition_epoch;
  replica_count_ = image.replicas.size();
  if (new_epoch) has_caught_up_ = false;
  if (!is_leader()) {
    replication_.end();
    notify();
  } else if (new_epoch) {
    log_->start_epoch(leader_epoch_);
    replication_.begin(image, log_->log_end_offset(), loop_.now());
  } else {
    replication_.update(image, loop_.now());
  }
  advance();
  assigned_directory_ = image.directory_of(self_);
  settle_directory();
}

void Partition::settle_directory() {
  if (stopped_ || assigned_directory_ == place_.id) return;
  if (!unfinished_move_.is_zero() && unfinished_move_ == assigned_directory_) return;
  if (move_ != nullptr && move_->target().id == assigned_directory_) return move_->on_assigned();
  node_.assignments->assign({topic_id_, index_}, place_.id);
}

Offset Partition::last_stable_offset() const { return log_->last_stable_offset(high_watermark_); }

ErrorCode Partition::check_replica(int32_t current_leader_epoch) const {
  if (stopped_) return failed_ ? ErrorCode::kKafkaStorageError : ErrorCode::kNotLeaderOrFollower;
  if (current_leader_epoch >= 0 && current_leader_epoch < leader_epoch_.value()) return ErrorCode::kFencedLeaderEpoch;
  if (current_leader_epoch >= 0 && current_leader_epoch > leader_epoch_.value()) return ErrorCode::kUnknownLeaderEpoch;
  return ErrorCode::kNone;
}

ErrorCode Partition::check_leader(int32_t current_leader_epoch) const {
  const ErrorCode error = check_replica(current_leader_epoch);
  return error == ErrorCode::kNone && !is_leader() ? ErrorCode::kNotLeaderOrFollower : error;
}

bool Partition::has_enough_replicas() const { return replication_.isr_size() >= isr_min(); }

size_t Partition::isr_min() const {
  return std::min<size_t>(static_cast<size_t>(std::max(min_insync_replicas_, 1)), replica_count_);
}

Offset Partition::own_end() const {
  return unflushed_from_ ? std::min(*unflushed_from_, log_->log_end_offset()) : log_->log_end_offset();
}

ProduceResult Partition::append(MutableBytes batch, int16_t acks, bool zstd_allowed) {
  if (const ErrorCode error = check_leader(-1); error != ErrorCode::kNone) return {.error = error};
  if (const ErrorCode error = check_features(batch, zstd_allowed); error != ErrorCode::kNone) return {.error = error};
  if (acks == -1 && !has_enough_replicas()) return {.error = ErrorCode::kNotEnoughReplicas};
  return finish_append(log_->append_as_leader(
      batch,
      {.leader_epoch = leader_epoch_, .now = node_.seams.clock.wall(), .origin = storage::AppendOrigin::kClient}));
}

ProduceResult Partition::append_internal(MutableBytes batch) {
  if (const ErrorCode error = check_leader(-1); error != ErrorCode::kNone) return {.error = error};
  if (!has_enough_replicas()) return {.error = ErrorCode::kNotEnoughReplicas};
  return finish_append(log_->append_as_leader(
      batch,
      {.leader_epoch = leader_epoch_, .now = node_.seams.clock.wall(), .origin = storage::AppendOrigin::kCoordinator}));
}

ProduceResult Partition::finish_append(const storage::AppendResult& appended) {
  used_ = true;
  if (!appended) {
    const storage::AppendError& error = appended.error();
    if (error.code == storage::AppendErrorCode::kIo) report_failure({Errc::kIo, error.message});
    const ErrorCode code = code_of(error.code);
    // Kafka tells where the log begins with errors of records, not with those of bytes.
    const bool is_of_bytes = code == ErrorCode::kCorruptMessage || code == ErrorCode::kMessageTooLarge ||
                             code == ErrorCode::kRecordListTooLarge || code == ErrorCode::kKafkaStorageError;
    return {.error = code,
            .log_start_offset = is_of_bytes ? kNoOffset : log_->log_start_offset(),
            .message = error.message,
            .record_errors = error.record_errors};
  }
  if (!appended->duplicate) {
    note_fresh(appended->base_offset);
    request_flush(appended->base_offset);
    advance();
    wake_replicas();
  }
  return {.base_offset = appended->base_offset,
          .last_offset = appended->last_offset,
          .log_append_time = appended->log_append_time,
          .log_start_offset = appended->log_start_offset};
}

Task<bool> Partition::wait_committed(Offset last, MonotonicTime deadline) {
  while (high_watermark_ <= last) {
    if (stopped_ || !is_leader()) co_return false;
    if (!co_await commits_.wait_until(deadline)) co_return high_watermark_ > last;
  }
  co_return true;
}

void Partition::advance() {
  if (stopped_ || held_ || !is_leader()) return;
  const Offset reached = replication_.committed_end(own_end(), isr_min());
  if (reached <= high_watermark_) return;
  high_watermark_ = reached;
  log_->advance_high_watermark(high_watermark_);
  commits_.notify_all();
  // Consumers of the followers wait for it too, if there may be any.
  if (node_.config.selects_replica_by_rack()) {
    wake_fetches();
  } else {
    wake_consumers();
  }
}

void Partition::notify() {
  commits_.notify_all();
  log_starts_.notify_all();
  wake_fetches();
}

template <class Predicate>
void Partition::wake_if(Predicate predicate) {
  watchers_.for_each([&](FetchWatcher& watcher) {
    if (!predicate(watcher)) return;
    watcher.unlink();
    watcher.wait->fire();
  });
}

void Partition::wake_fetches() {
  wake_if([](const FetchWatcher&) { return true; });
}

void Partition::wake_consumers() {
  wake_if([](const FetchWatcher& watcher) { return !watcher.of_replica; });
}

void Partition::wake_replicas() {
  if (replication_.is_alone()) return;
  wake_if([](const FetchWatcher& watcher) { return watcher.of_replica; });
}

void Partition::watch(FetchWatcher& watcher, Offset seen, bool waits_for_disk) {
  watchers_.push_back(watcher);
  const Offset end = watcher.of_replica ? log_->log_end_offset() : high_watermark_;
  if (end > seen || stopped_ || (waits_for_disk && !bringing_in_)) notify();
}

std::optional<PartitionRead> Partition::refuse_read(const FetchItem& item) const {
  const Offset from(item.fetch_offset);
  if (item.last_fetched_epoch >= 0) {
    const storage::EpochEnd end = log_->epoch_end_offset(LeaderEpoch(item.last_fetched_epoch));
    // Below the start it is out of range, whatever its epoch was.
    if (end.end == kNoOffset || from < log_->log_start_offset()) {
      return PartitionRead{.error = ErrorCode::kOffsetOutOfRange};
    }
    if (end.epoch.value() < item.last_fetched_epoch || end.end < from) {
      PartitionRead result = bounds();
      result.diverging_epoch = end;
      return result;
    }
  }
  if (from < log_->log_start_offset() || from > log_->log_end_offset()) {
    return PartitionRead{.error = ErrorCode::kOffsetOutOfRange};
  }
  return std::nullopt;
}

PartitionRead Partition::bounds() const {
  return {.high_watermark = high_watermark_,
          .last_stable_offset = last_stable_offset(),
          .log_start_offset = log_->log_start_offset()};
}

NodeId Partition::closest_replica(const ConsumerTerms& terms, Offset from) const {
  if (terms.rack.empty() || !is_leader() || node_.rack == terms.rack) return kNoNode;
  const quorum::MetadataImage& image = *node_.shard_of(topic_id_, index_).image();
  return replication_.closest(from, [&](NodeId id) {
    const quorum::BrokerImage* broker = image.broker(id);
    return broker != nullptr && !broker->fenced && broker->rack == terms.rack &&
           broker->endpoint(terms.listener) != nullptr;
  });
}

PartitionRead Partition::read(const FetchItem& item, const ConsumerTerms& terms, size_t max_bytes) {
  used_ = true;
  const ErrorCode error =
      terms.reads_any_replica ? check_replica(item.current_leader_epoch) : check_leader(item.current_leader_epoch);
  if (error != ErrorCode::kNone) return {.error = error};
  if (const NodeId closest = closest_replica(terms, Offset(item.fetch_offset)); closest != kNoNode) {
    PartitionRead result = bounds();
    result.preferred_replica = closest;
    result.wakes_fetch = true;
    return result;
  }
  if (auto refused = refuse_read(item)) return *std::move(refused);
  PartitionRead result = bounds();
  result.readable_end = high_watermark_;
  const bool committed_only = terms.isolation == Isolation::kReadCommitted;
  const Offset end = committed_only ? result.last_stable_offset : high_watermark_;
  return read_up_to(item, end, committed_only, max_bytes, std::move(result));
}

PartitionRead Partition::read_for_replica(const FetchItem& item, IsrMember replica, size_t max_bytes) {
  used_ = true;
  if (const ErrorCode error = check_leader(item.current_leader_epoch); error != ErrorCode::kNone) {
    return {.error = error};
  }
  if (auto refused = refuse_read(item)) return *std::move(refused);
  const ReplicaRange range{Offset(item.log_start_offset), Offset(item.fetch_offset)};
  if (!replication_.note_fetch(replica, range, log_->log_end_offset(), loop_.now())) {
    return {.error = ErrorCode::kNotLeaderOrFollower};
  }
  log_starts_.notify_all();
  advance();
  if (!replication_.is_in_isr(replica.id)) check_isr();
  PartitionRead result = bounds();
  result.readable_end = log_->log_end_offset();
  result.wakes_fetch = needs_news(item);
  result.counts_towards_throttle = throttling_.as_leader;
  // Who is in sync holds acknowledgements up, and would leave the ISR.
  if (throttling_.as_leader && !replication_.is_in_isr(replica.id)) {
    result.throttled_for = node_.throttles->leader.wait(loop_.now());
    if (result.throttled_for > Duration::zero()) return result;
  }
  return read_up_to(item, log_->log_end_offset(), false, max_bytes, std::move(result));
}

// Whether a replica is told at once where this log begins, or how far it is committed: others wait for that.
bool Partition::needs_news(const FetchItem& item) const {
  if (item.log_start_offset >= 0 && Offset(item.log_start_offset) < log_->log_start_offset()) return true;
  return node_.config.selects_replica_by_rack() && item.sent_high_watermark >= 0 &&
         Offset(item.sent_high_watermark) < high_watermark_ && Offset(item.fetch_offset) >= high_watermark_;
}

PartitionRead Partition::read_up_to(const FetchItem& item, Offset end, bool with_aborted, size_t max_bytes,
                                    PartitionRead result) {
  const Offset from(item.fetch_offset);
  if (from >= end) return result;
  Result<storage::ReadResult> read = log_->read(from, max_bytes, end, true);
  if (!read) return not_read(read.error(), std::move(result));
  if (read->records.length == 0) return result;
  const std::optional<FileRegion> missing = keep_cached(*read);
  if (read->records.length == 0) return wait_for_disk(*missing, std::move(result));
  if (with_aborted) {
    auto aborted = log_->aborted_transactions(from, *read, end);
    if (!aborted) return not_read(aborted.error(), std::move(result));
    result.aborted = *std::move(aborted);
  }
  // A fetch that is content with what is there leaves with it; the next one finds more.
  if (missing) bring_in(*missing);
  result.waits_for_disk = missing.has_value();
  result.first_batch_size = read->first_batch_size;
  result.wakes_fetch |= read->from_older_segment;
  result.records = std::move(read->records);
  return result;
}

PartitionRead Partition::not_read(const Error& error, PartitionRead result) {
  if (error.code == Errc::kWouldBlock) return wait_for_disk(log_->missed(), std::move(result));
  if (error.code == Errc::kOutOfRange) return {.error = ErrorCode::kOffsetOutOfRange};
  log_error("partition", "cannot be read", kv("topic", topic_), kv("partition", index_), kv("why", error.message));
  report_failure(error);
  return {.error = ErrorCode::kKafkaStorageError};
}

// ---------------------------------------------------------------------------------------------------------- cold reads

bool Partition::is_fresh(Offset offset) const {
  return fresh_from_ != kNoOffset && offset >= fresh_from_ && loop_.now() - fresh_since_ <= kFreshTime * 2;
}

void Partition::note_fresh(Offset appended) {
  if (fresh_from_ != kNoOffset && loop_.now() - fresh_since_ <= kFreshTime) return;
  fresh_from_ = appended;
  fresh_since_ = loop_.now();
}

// Cuts what was read to what is in the page cache, or to nothing when that is not even the first batch. What is
// missing.
std::optional<FileRegion> Partition::keep_cached(storage::ReadResult& read) const {
  // The tail costs no look at the page cache.
  if (is_fresh(read.first_base_offset)) return std::nullopt;
  FileRegion& records = read.records;
  const uint64_t cached = records.file->cached_length(records.position, records.length);
  if (cached == records.length) return std::nullopt;
  FileRegion missing{records.file, records.position + cached, records.length - cached};
  const uint64_t first = std::min<uint64_t>(read.first_batch_size, records.length);
  missing.length = std::min(missing.length, std::max<uint64_t>(kBroughtInMax, first));
  records.length = cached < first ? 0 : cached;
  return missing;
}

PartitionRead Partition::wait_for_disk(const FileRegion& missing, PartitionRead result) {
  if (std::exchange(bring_in_failed_, false)) return {.error = ErrorCode::kKafkaStorageError};
  bring_in(missing);
  result.waits_for_disk = true;
  return result;
}

void Partition::bring_in(const FileRegion& missing) {
  if (std::exchange(bringing_in_, true)) return;
  loop_.spawn(bring_in_and_wake(shared_from_this(), missing));
}

Task<void> Partition::bring_in_and_wake(std::shared_ptr<Partition> self, FileRegion missing) {
  ColdReads& reads = self->node_.shard_of(self->topic_id_, self->index_).cold_reads();
  const Result<> read = co_await reads.bring_in(std::move(missing));
  self->bringing_in_ = false;
  self->bring_in_failed_ = !read;
  if (!read) {
    log_error("partition", "cannot be read", kv("topic", self->topic_), kv("partition", self->index_),
              kv("why", read.error().message));
    self->report_failure(read.error());
  }
  self->wake_fetches();
}

Result<Offset> Partition::delete_records(int64_t before) {
  const Offset target = before == -1 ? high_watermark_ : Offset(before);
  if (!log_->config().deletes_old_segments && log_->config().compacts) {
    return fail(Errc::kInvalidArgument, "records of " + topic_ + " are removed by compaction only");
  }
  if (target < Offset(0) || target > high_watermark_) return fail(Errc::kOutOfRange, "no such records in " + topic_);
  if (target > log_->log_start_offset()) {
    TRY(log_->delete_records_before(target));
    wake_replicas();
  }
  return target;
}

Task<std::optional<Offset>> Partition::wait_deleted(Offset before, MonotonicTime deadline) {
  for (bool in_time = true;;) {
    if (stopped_ || !is_leader()) co_return std::nullopt;
    const quorum::MetadataImage& image = *node_.shard_of(topic_id_, index_).image();
    const Offset least = replication_.least_start(log_->log_start_offset(), [&image](NodeId id) {
      const quorum::BrokerImage* broker = image.broker(id);
      return broker != nullptr && !broker->fenced;
    });
    if (least >= before || !in_time) co_return least;
    in_time = co_await log_starts_.wait_until(deadline);
  }
}

Task<Result<>> Partition::apply_retention() {
  ColdReads& reads = node_.shard_of(topic_id_, index_).cold_reads();
  const Result<size_t> removed = co_await reads.look_up(shared_from_this(), [this](storage::Log& log) {
    return log.apply_retention(node_.seams.clock.wall(), high_watermark_);
  });
  if (!removed) {
    report_failure(removed.error());
    co_return std::unexpected(removed.error());
  }
  if (*removed > 0) {
    log_info("log", "segments were removed by retention", kv("topic", topic_), kv("partition", index_),
             kv("segments", *removed), kv("log_start_offset", log_->log_start_offset()));
  }
  remove_taken_files();
  co_return Result<>();
}

void Partition::remove_taken_files() {
  storage::Deletions deletions = log_->take_deletions();
  if (deletions.empty()) return;
  loop_.spawn(remove_files(shared_from_this(), std::move(deletions), log_->config().file_delete_delay));
}

void Partition::compaction_ended() {
  compaction_.is_running = false;
  disk_work_.notify_all();
}

Task<void> Partition::remove_files(std::shared_ptr<Partition> self, storage::Deletions deletions, Duration delay) {
  Disk& disk = self->node_.seams.disk;
  DiskThreads& threads = self->node_.seams.disk_threads;
  const auto shared = std::make_shared<storage::Deletions>(std::move(deletions));
  ++self->removing_segments_;
  Result<> done;
  while (!(done = co_await threads.run([&disk, shared] { return shared->rename(disk); })) && !self->stopped_) {
    log_warn("log", "old segments cannot be renamed", kv("why", done.error().message));
    co_await sleep_for(storage::kFullDiskRetryInterval);
  }
  if (!done) co_return;
  --self->removing_segments_;
  co_await sleep_for(delay);
  done = co_await threads.run([&disk, shared] { return shared->run(disk); });
  // A deleted topic takes them with it.
  if (!done && !self->stopped_) log_warn("log", "old segments cannot be removed", kv("why", done.error().message));
}

void Partition::release_if_idle() {
  const bool idle = !std::exchange(used_, false);
  if (!idle || stopped_ || flushing_) return;
  if (const Result<> released = log_->release_idle(); !released) {
    log_warn("log", "index entries cannot be written", kv("topic", topic_), kv("why", released.error().message));
  }
}

void Partition::request_flush(Offset appended_from) {
  const storage::FlushNeed need = log_->flush_need(node_.seams.clock.wall());
  if (need == storage::FlushNeed::kAll && !unflushed_from_) unflushed_from_ = appended_from;
  if (need != storage::FlushNeed::kNone && !flushing_ && !held_) {
    flushing_ = true;
    loop_.spawn(flush_while_needed(shared_from_this()));
  }
  if (log_->config().flush_time != milliseconds::max() && !flush_timed_ && need != storage::FlushNeed::kAll) {
    flush_timed_ = true;
    loop_.spawn(flush_later(shared_from_this()));
  }
}

Task<void> Partition::flush_later(std::shared_ptr<Partition> self) {
  co_await sleep_for(self->log_->config().flush_time);
  self->flush_timed_ = false;
  if (self->stopped_ || self->flushing_ || self->held_) co_return;
  self->flushing_ = true;
  co_await flush_while_needed(self);
}

Task<void> Partition::flush_while_needed(std::shared_ptr<Partition> self) {
  while (!self->stopped_ && !self->held_) {
    const Timestamp now = self->node_.seams.clock.wall();
    const storage::FlushNeed need = self->log_->flush_need(now);
    if (need == storage::FlushNeed::kNone) break;
    Result<storage::FlushJob> job = self->log_->start_flush(need, now);
    if (!job) {
      self->take_offline("a log cannot be flushed", job.error());
      break;
    }
    const Result<> flushed = co_await self->node_.seams.disk_threads.run([work = *job] { return work.run(); });
    self->log_->finish_flush(*job, flushed);
    if (!flushed && flushed.error().code == Errc::kNoSpace) {
      // Nobody is told that the records are safe; producers are told to try again when they have waited long enough.
      log_warn("log", "the flush waits for room on the disk", kv("topic", self->topic_), kv("partition", self->index_),
               kv("why", flushed.error().message));
      co_await sleep_for(storage::kFullDiskRetryInterval);
      continue;
    }
    if (!flushed) {
      self->take_offline("a log cannot be flushed", flushed.error());
      break;
    }
    if (need == storage::FlushNeed::kAll) {
      // What came during the flush is flushed by the next round, if it is to be.
      const bool more = self->log_->flush_need(now) == storage::FlushNeed::kAll;
      self->unflushed_from_ = more ? std::optional(job->up_to) : std::nullopt;
      self->advance();
      self->disk_work_.notify_all();
    }
  }
  self->flushing_ = false;
  self->disk_work_.notify_all();
}

// After a failed flush what was not flushed cannot be trusted, nor be acknowledged.
void Partition::take_offline(std::string_view what, const Error& error) {
  log_error("partition", "goes offline", kv("topic", topic_), kv("partition", index_), kv("what", what),
            kv("why", error.message));
  go_offline();
  report_failure(error);
}

void Partition::go_offline() {
  failed_ = true;
  stop();
  if (move_ != nullptr) move_->end(ReplicaMove::Ending::kAbandoned);
}

void Partition::report_failure(const Error& error) {
  if (is_device_failure(error.code)) node_.log_dirs->report_failure(place_.directory, error.message);
}

void Partition::stop() {
  stopped_ = true;
  disk_work_.notify_all();
  notify();
}

Task<void> Partition::disk_work_ended() {
  while (flushing_ || compaction_.is_running) co_await disk_work_.wait();
}

Task<Result<>> Partition::close() {
  CHECK(stopped_);
  if (const std::shared_ptr<ReplicaMove> move = move_) {
    move->end(ReplicaMove::Ending::kKept);
    co_await move->ended();
  }
  co_await disk_work_ended();
  log_->detach();
  co_return co_await node_.seams.disk_threads.run([log = log_.get()] { return log->close(); });
}

Task<std::unique_ptr<storage::Log>> Partition::release() {
  CHECK(stopped_);
  if (const std::shared_ptr<ReplicaMove> move = move_) {
    move->end(ReplicaMove::Ending::kCancelled);
    co_await move->ended();
  }
  co_await disk_work_ended();
  log_->detach();
  co_return std::move(log_);
}

// -------------------------------------------------------------------------------------------------------------- moves

void Partition::give_up_unfinished_move() {
  unfinished_move_ = kZeroUuid;
  settle_directory();
}

void Partition::begin_move(std::shared_ptr<ReplicaMove> move) {
  CHECK(move_ == nullptr);
  unfinished_move_ = kZeroUuid;
  move_ = std::move(move);
  move_->start(shared_from_this());
}

void Partition::move_ended(const ReplicaMove& move, bool stays_known) {
  CHECK(move_.get() == &move);
  if (stays_known) return;
  move_.reset();
  // The controller may think that a copy has become the log that was given up.
  settle_directory();
}

void Partition::release_commits() {
  held_ = false;
  if (stopped_) return;
  const bool needs_flush = unflushed_from_ || log_->flush_need(node_.seams.clock.wall()) != storage::FlushNeed::kNone;
  if (needs_flush && !std::exchange(flushing_, true)) loop_.spawn(flush_while_needed(shared_from_this()));
  disk_work_.notify_all();
  advance();
}

std::unique_ptr<storage::Log> Partition::replace_log(std::unique_ptr<storage::Log> log, LogPlace place) {
  CHECK(held_ && !flushing_);
  CHECK(log->log_end_offset() == log_->log_end_offset(), "a copy ends at {}, its log at {}",
        log->log_end_offset().value(), log_->log_end_offset().value());
  std::unique_ptr<storage::Log> former = std::exchange(log_, std::move(log));
  place_ = std::move(place);
  if (is_leader()) log_->start_epoch(leader_epoch_);
  log_->advance_high_watermark(high_watermark_);
  // All that waited for a flush was flushed with the copy; what came since waits for the next one.
  const bool must_flush = log_->flush_need(node_.seams.clock.wall()) == storage::FlushNeed::kAll;
  unflushed_from_ = must_flush ? std::optional(log_->recovery_point()) : std::nullopt;
  return former;
}

}  // namespace weir::broker
