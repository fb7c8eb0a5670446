// Log: appending, as the leader of the partition and as a follower.
#include <fmt/format.h>

#include "base/log.h"
#include "protocol/legacy_message.h"
#include "storage/batch_checks.h"
#include "storage/end_transaction.h"
#include "storage/file_names.h"
#include "storage/log.h"

namespace weir::storage {
namespace {

using protocol::RecordBatch;

std::unexpected<AppendError> refuse(AppendErrorCode code, std::string message) {
  return std::unexpected(AppendError{code, std::move(message), {}});
}

// Of the disk, below an append.
std::unexpected<AppendError> failed(const Error& error) {
  return refuse(error.code == Errc::kNoSpace ? AppendErrorCode::kNoSpace : AppendErrorCode::kIo, error.message);
}

AppendErrorCode code_of(ProducerVerdict verdict) {
  switch (verdict) {
    case ProducerVerdict::kStaleEpoch:
      return AppendErrorCode::kStaleProducerEpoch;
    case ProducerVerdict::kTransactionOpen:
      return AppendErrorCode::kInvalidTransaction;
    case ProducerVerdict::kStaleCoordinator:
      return AppendErrorCode::kStaleCoordinator;
    case ProducerVerdict::kAccepted:
    case ProducerVerdict::kDuplicate:
    case ProducerVerdict::kOutOfSequence:
      break;
  }
  return AppendErrorCode::kOutOfOrderSequence;
}

// Checks an entry, whose bytes are `whole`, that a leader sent: what is in the log has to be readable, markers too.
Result<> check_replicated(const Entry& entry, ByteView whole) {
  if (!entry.header) {
    if (protocol::LegacyMessage(whole).crc_matches()) return {};
    return fail(Errc::kCorrupt, fmt::format("the crc of the message at offset {} is wrong", entry.last_offset.value()));
  }
  TRY(protocol::check_batch(*entry.header));
  if (!entry.header->is_control() || !entry.header->has_producer()) return {};
  if (const auto marker = read_end_transaction(*entry.header); !marker) return std::unexpected(marker.error());
  return {};
}

std::string describe(const RecordBatch& batch) {
  return fmt::format("producer {} of epoch {} at sequence {}", batch.producer_id().value(),
                     batch.producer_epoch().value(), batch.base_sequence());
}

}  // namespace

AppendResult Log::duplicate_of(const ProducerBatch& batch) const {
  return AppendInfo{.base_offset = batch.first_offset(),
                    .last_offset = batch.last_offset,
                    .log_append_time = batch.timestamp,
                    .log_start_offset = log_start_offset_,
                    .duplicate = true};
}

std::expected<std::optional<EndTransaction>, AppendError> Log::read_marker(const RecordBatch& batch) const {
  if (!batch.is_control() || !batch.has_producer()) return std::nullopt;
  Result<std::optional<EndTransaction>> marker = read_end_transaction(batch);
  if (!marker) return refuse(AppendErrorCode::kCorrupt, marker.error().message);
  return *marker;
}

Error to_error(const AppendError& error) {
  switch (error.code) {
    case AppendErrorCode::kNoSpace:
      return {Errc::kNoSpace, error.message};
    case AppendErrorCode::kIo:
      return {Errc::kIo, error.message};
    case AppendErrorCode::kRecordTooLarge:
    case AppendErrorCode::kBatchTooLarge:
      return {Errc::kTooLarge, error.message};
    default:
      return {Errc::kCorrupt, error.message};
  }
}

AppendResult Log::append_as_leader(MutableBytes bytes, const LeaderAppend& append) {
  touched_ = true;
  std::expected<CheckedBatch, AppendError> checked = check_leader_batch(bytes, config_, append);
  if (!checked) return std::unexpected(std::move(checked).error());
  const MutableBytes ready = checked->bytes;
  const RecordBatch batch(ready);
  if (ready.size() > static_cast<size_t>(config_.segment_size_max)) {
    return refuse(AppendErrorCode::kBatchTooLarge,
                  fmt::format("a batch of {} bytes is above the segments' {}", ready.size(), config_.segment_size_max));
  }
  std::optional<EndTransaction> marker;
  if (batch.has_producer() && batch.is_control()) {
    auto read = read_marker(batch);
    if (!read) return std::unexpected(std::move(read).error());
    marker = *read;
    if (marker) {
      const ProducerVerdict verdict = producers_.judge_marker(batch.producer_id(), batch.producer_epoch(),
                                                              marker->coordinator_epoch, append.transaction_version_2);
      if (verdict != ProducerVerdict::kAccepted) return refuse(code_of(verdict), "marker for " + describe(batch));
    }
  } else if (batch.has_producer() && append.origin == AppendOrigin::kClient) {
    const bool starts_at_zero = append.transaction_version_2 && batch.is_transactional();
    const ProducerJudgement judgement = producers_.judge(batch, starts_at_zero);
    if (judgement.verdict == ProducerVerdict::kDuplicate) return duplicate_of(judgement.duplicate);
    if (judgement.verdict == ProducerVerdict::kOutOfSequence && without_room_.excuses(batch.producer_id())) {
      return refuse(AppendErrorCode::kNoSpace, describe(batch) + ": what came before it found no room");
    }
    if (judgement.verdict != ProducerVerdict::kAccepted) return refuse(code_of(judgement.verdict), describe(batch));
  }
  const Offset base_offset = log_end_offset_;
  const Offset last_offset = base_offset + batch.last_offset_delta();
  if (Result<> written = write_as_leader(ready, append.leader_epoch, append.now); !written) {
    if (batch.has_producer() && written.error().code == Errc::kNoSpace) without_room_.refused(batch.producer_id());
    return failed(written.error());
  }
  if (batch.has_producer()) without_room_.appended(batch.producer_id());
  note_appended(batch, marker, append.now);
  return AppendInfo{.base_offset = base_offset,
                    .last_offset = last_offset,
                    .log_append_time = config_.is_log_append_time ? batch.max_timestamp() : kNoTimestamp,
                    .log_start_offset = log_start_offset_,
                    .duplicate = false};
}

Result<> Log::write_as_leader(MutableBytes bytes, LeaderEpoch epoch, Timestamp now) {
  const RecordBatch batch(bytes);
  TRY(roll_if_needed(bytes.size(), batch.max_timestamp(), log_end_offset_ + batch.last_offset_delta(), now));
  protocol::set_base_offset(bytes, log_end_offset_);
  protocol::set_leader_epoch(bytes, epoch);
  const ByteView out = bytes;
  return active().write(std::span(&out, 1));
}

// A batch with its final offsets is in the active segment's file: what the log knows follows.
void Log::note_appended(const RecordBatch& batch, const std::optional<EndTransaction>& marker, Timestamp now) {
  active().note({batch.size(), batch.base_offset(), batch.last_offset(), batch.max_timestamp()}, now, limits());
  log_end_offset_ = batch.next_offset();
  if (batch.leader_epoch() > epochs_.latest()) {
    epochs_unsaved_ |= epochs_.assign(batch.leader_epoch(), batch.base_offset());
  }
  if (batch.has_producer() && !batch.is_control()) producers_.note(batch, batch.base_offset());
  if (marker) {
    const auto aborted =
        producers_.note_marker(batch.producer_id(), batch.producer_epoch(), batch.base_offset(), *marker);
    if (aborted) active().add_aborted(*aborted);
  }
  producers_.set_end(log_end_offset_);
  unflushed_records_ += batch.record_count();
  if (last_flush_ == kNoTimestamp) last_flush_ = now;
}

void Log::start_epoch(LeaderEpoch epoch) {
  if (epoch > epochs_.latest()) epochs_unsaved_ |= epochs_.assign(epoch, log_end_offset_);
}

// ---------------------------------------------------------------------------------------------------------- follower

Result<> Log::write_run(ByteView run, Timestamp now) {
  if (run.empty()) return {};
  TRY(active().write(std::span(&run, 1)));
  while (!run.empty()) {
    TRY_ASSIGN(const Entry entry, take_entry(run));
    TRY(note_replicated(entry, now));
  }
  return {};
}

Result<> Log::note_replicated(const Entry& entry, Timestamp now) {
  if (!entry.header) {
    // Of before there were epochs and producers.
    active().note({entry.size, entry.base_offset, entry.last_offset, entry.max_timestamp}, now, limits());
    log_end_offset_ = entry.last_offset + 1;
    producers_.set_end(log_end_offset_);
    ++unflushed_records_;
    if (last_flush_ == kNoTimestamp) last_flush_ = now;
    return {};
  }
  std::optional<EndTransaction> marker;
  if (entry.header->is_control() && entry.header->has_producer()) {
    TRY_ASSIGN(marker, read_end_transaction(*entry.header));
  }
  note_appended(*entry.header, marker, now);
  return {};
}

AppendResult Log::append_as_follower(ByteView batches, Timestamp now) {
  touched_ = true;
  AppendInfo info{.log_start_offset = log_start_offset_};
  const uint8_t* run_start = batches.data();  // entries that were checked and go out with one write
  size_t run_size = 0;
  Offset next = log_end_offset_;
  Timestamp run_max = kNoTimestamp;
  auto write_checked = [&]() -> Result<> {
    TRY(write_run({run_start, run_size}, now));
    run_start += run_size;
    run_size = 0;
    run_max = kNoTimestamp;
    return {};
  };
  std::optional<AppendError> refused;
  while (!batches.empty() && !refused) {
    const ByteView rest = batches;
    const Result<Entry> entry = take_entry(batches);
    const Result<> good =
        entry ? check_replicated(*entry, rest.first(entry->size)) : Result<>(std::unexpected(entry.error()));
    if (!good) {
      refused = AppendError{AppendErrorCode::kCorrupt, good.error().message, {}};
    } else if (entry->base_offset < next) {
      refused =
          AppendError{AppendErrorCode::kUnexpectedOffset,
                      fmt::format("a batch at offset {}, the log ends at {}", entry->base_offset.value(), next.value()),
                      {}};
    }
    if (refused) break;
    run_max = std::max(run_max, entry->max_timestamp);
    Result<bool> rolls = must_roll(run_size + entry->size, run_max, entry->last_offset, now);
    if (!rolls) return failed(rolls.error());
    if (*rolls) {
      if (Result<> written = write_checked(); !written) return failed(written.error());
      // The first offset inside a compressed message is not in its header: it may be where the log ends.
      const Offset base = entry->header ? entry->base_offset : std::max(next, entry->last_offset - INT32_MAX);
      if (Result<> rolled = roll_at(base, now); !rolled) return failed(rolled.error());
    }
    if (info.base_offset == kNoOffset) info.base_offset = entry->base_offset;
    info.last_offset = entry->last_offset;
    run_size += entry->size;
    next = entry->last_offset + 1;
  }
  if (Result<> written = write_checked(); !written) return failed(written.error());
  if (refused) return std::unexpected(*std::move(refused));
  return info;
}

// -------------------------------------------------------------------------------------------------------------- roll

Result<bool> Log::must_roll(size_t size, Timestamp max_timestamp, Offset last_offset, Timestamp now) {
  Segment& segment = active();
  const auto size_max = static_cast<uint64_t>(config_.segment_size_max);
  if (segment.size() + size > size_max || segment.index_full(limits()) || !segment.covers(last_offset)) return true;
  if (segment.size() == 0) return false;
  // By the records' own time where they have one, so that a replayed history rolls as the first time.
  TRY_ASSIGN(Timestamp first, segment.first_timestamp());
  const int64_t waited = first >= Timestamp(0) ? max_timestamp - first : now - segment.created();
  return waited > config_.segment_time_max.count();
}

Result<> Log::roll_if_needed(size_t size, Timestamp max_timestamp, Offset last_offset, Timestamp now) {
  TRY_ASSIGN(bool rolls, must_roll(size, max_timestamp, last_offset, now));
  if (rolls) TRY(roll_at(log_end_offset_, now));
  return {};
}

Result<> Log::roll(Timestamp now) { return roll_at(log_end_offset_, now); }

Result<> Log::roll_at(Offset base_offset, Timestamp now) {
  Segment& last = active();
  CHECK(base_offset >= log_end_offset_);
  touched_ = true;
  if (base_offset == last.base_offset()) {
    // An empty segment in the way (its index is full, or it is named too low for a jump of offsets): made anew.
    CHECK(last.size() == 0, "a segment at {} with {} bytes is in the way", base_offset.value(), last.size());
    last.close_files();
    TRY_ASSIGN(segments_.back(), Segment::create(files_, base_offset, now));
    return reserve_room();
  }
  TRY(last.finish());
  TRY(give_back_room());
  Result<std::unique_ptr<Segment>> segment = Segment::create(files_, base_offset, now);
  producers_.set_end(base_offset);
  Result<> done = segment ? take_snapshot() : Result<>(std::unexpected(segment.error()));
  if (!done) {
    // The log goes on in the last segment: a file that is named after an offset inside it must not stay.
    for (std::string_view suffix : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix}) {
      (void)files_.disk().remove(offset_file(directory(), base_offset, suffix));
    }
    return done;
  }
  segments_.push_back(*std::move(segment));
  directory_unsynced_ = true;
  return reserve_room();
}

// Kafka gives the file its full size. Room behind the end of the file does the same for the device, and neither a
// reader nor a recovery has to tell zeros from records.
Result<> Log::reserve_room() {
  if (!config_.preallocate) return {};
  TRY_ASSIGN(const std::shared_ptr<File> file, active().log_file());
  file->reserve(static_cast<uint64_t>(config_.segment_size_max));
  return {};
}

Result<> Log::give_back_room() {
  if (!config_.preallocate) return {};
  TRY_ASSIGN(const std::shared_ptr<File> file, active().log_file());
  return file->truncate(active().size());
}

}  // namespace weir::storage
