#include "sim/worlds/log_world.h"

#include <charconv>

#include "protocol/batch_builder.h"
#include "protocol/record.h"
#include "sim/worlds/look_up.h"

namespace weir::sim {
namespace {

constexpr std::string_view kPlace = "log-0";
constexpr std::string_view kDirectory = "/data/log-0";
constexpr std::string_view kRecoveryPoint = "/data/recovery-point";
constexpr std::string_view kLogStart = "/data/log-start";
constexpr size_t kReadMax = 200'000;
constexpr uint64_t kRounds = 6;
constexpr size_t kBatchesInFlightMax = 5;  // of an idempotent producer, in Kafka's protocol

int64_t read_number(Disk& disk, std::string_view path) {
  const Result<std::string> text = disk.read_file(std::string(path));
  int64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

Result<ByteVector> read_region(const FileRegion& region) {
  if (region.length == 0) return ByteVector{};
  ByteVector bytes(region.length);
  TRY_ASSIGN(const size_t got, region.file->read_at(region.position, bytes));
  bytes.resize(got);
  return bytes;
}

}  // namespace

LogWorld::LogWorld(const RunOptions& options)
    : simulation_(options.seed), fabric_(simulation_), history_(simulation_), machine_(simulation_, fabric_, "node") {
  simulation_.print_trace(options.print_trace);
  SimDisk& disk = machine_.disk();
  CHECK(disk.create_directories("/data").has_value() && disk.sync_directory("/").has_value());
  disk.conditions().sync_does_nothing = options.disk_lies;
  // Nothing here relies on what was written lately.
  disk.conditions().eviction_age = Duration::zero();
  SimRandom& random = simulation_.random();
  flushes_each_record_ = random.percent(50);
  config_.segment_size_max = static_cast<int32_t>(random.between(16'000, 60'000));
  config_.index_interval = random.percent(50) ? 128 : 4096;
  config_.index_size_max = static_cast<int32_t>(random.percent(20) ? 96 : 10 << 20);
  if (random.percent(30)) config_.retention_bytes = static_cast<int64_t>(random.between(20'000, 200'000));
  if (flushes_each_record_) config_.flush_records = 1;
  simulation_.trace("segments of {} bytes, {}", config_.segment_size_max,
                    flushes_each_record_ ? "flushed records" : "unflushed records");
  simulation_.after_each_step([this] {
    if (!machine_.dying()) return;
    simulation_.trace("dies: {}", machine_.death() == Death::kPowerLoss ? "no power" : "killed");
    power_was_lost_ |= machine_.death() == Death::kPowerLoss;
    log_.reset();
    files_.reset();
    machine_.bury();
  });
}

LogWorld::~LogWorld() {
  log_.reset();
  files_.reset();
  if (machine_.running()) machine_.kill();
}

RunResult LogWorld::run() {
  new_producers();
  start();
  for (uint64_t round = 0; round < kRounds && !simulation_.failed(); ++round) play_round();
  if (!simulation_.failed()) {
    read_whole();
    CHECK(simulation_.failed() || machine_.running());
  }
  return {.failure = simulation_.failure(), .trace_hash = simulation_.trace_hash(), .steps = simulation_.steps()};
}

void LogWorld::new_producers() {
  producers_.clear();
  const uint64_t count = simulation_.random().between(1, 4);
  for (uint64_t i = 0; i < count; ++i) {
    const int number = producer_count_++;
    producers_.push_back({.name = fmt::format("producer-{}", number), .id = ProducerId(1000 + number)});
  }
}

storage::LogOptions LogWorld::log_options() {
  SimDisk& disk = machine_.disk();
  return {.disk = disk,
          .files = *files_,
          .directory = std::string(kDirectory),
          .partition = {"log", PartitionIndex(0)},
          .topic_id = {7, 7},
          .config = config_,
          .was_clean = was_clean_,
          .recovery_point = Offset(read_number(disk, kRecoveryPoint)),
          .log_start_offset = Offset(read_number(disk, kLogStart)),
          .now = now()};
}

Task<void> LogWorld::open() {
  auto opened = co_await machine_.disk_threads().run([this] { return storage::Log::open(log_options()); });
  was_clean_ = false;
  if (machine_.dying()) co_return;
  history_.report(&Invariant::on_recovery, opened.has_value(), opened ? "" : opened.error().message);
  if (!opened) co_return;
  log_ = *std::move(opened);
  machine_.keep(log_);
  check_leader_epochs();
  leader_epoch_ = LeaderEpoch(leader_epoch_.value() + 1);
  log_->start_epoch(leader_epoch_);
  for (Producer& producer : producers_) {
    // One that died undecided may be the newest.
    while (producer.stored.size() > (producer.undecided ? 0 : 1)) producer.stored.pop_front();
  }
  // Where nothing unflushed may be seen, what a killed process left unflushed is flushed before it is served.
  if (flushes_each_record_ && !co_await flush(storage::FlushNeed::kAll)) co_return;
  opened_ = true;
  // What is there when a log is opened counts as written, as for a partition with one replica.
  high_watermark_ = log_->log_end_offset();
  log_->advance_high_watermark(high_watermark_);
  simulation_.trace("open from {} to {}", log_->log_start_offset().value(), log_->log_end_offset().value());
  // A process that died while it removed old segments had no time to say how many.
  if (std::exchange(retention_under_way_, false)) {
    deleted_before_ = std::max(deleted_before_, log_->log_start_offset());
    history_.report(&Invariant::on_deleted_before, std::string(kPlace), log_->log_start_offset());
  }
  if (log_->log_start_offset() > log_->log_end_offset()) {
    history_.report(&Invariant::on_recovery, false, "the log starts behind its end");
  }
}

void LogWorld::start() {
  for (int attempt = 0; !simulation_.failed(); ++attempt) {
    machine_.start(1);
    opened_ = false;
    files_ = std::make_shared<storage::FilePool>(simulation_.random().between(1, 8));
    machine_.keep(files_);
    if (attempt < 3 && simulation_.random().percent(30)) {
      machine_.die_at_operation(simulation_.random().between(1, 20),
                                simulation_.random().percent(50) ? Death::kKill : Death::kPowerLoss);
    }
    machine_.loop(0).run_inside([this] { machine_.loop(0).spawn(open()); });
    simulation_.run_until([this] { return opened_ || !machine_.running(); }, seconds(600));
    if (machine_.running()) return;
  }
}

void LogWorld::play_round() {
  power_was_lost_ = false;
  SimRandom& random = simulation_.random();
  round_end_ = simulation_.now() + random.between(milliseconds(50), seconds(2));
  if (random.percent(30)) {
    machine_.disk().conditions().capacity = machine_.disk().used() + random.below(30'000);
    simulation_.trace("the disk is nearly full");
  }
  if (random.percent(60)) {
    machine_.die_at_operation(random.between(1, 300), random.percent(50) ? Death::kKill : Death::kPowerLoss);
  }
  busy_ = true;
  machine_.loop(0).run_inside([this] { machine_.loop(0).spawn(drive()); });
  simulation_.run_until([this] { return !busy_ || !machine_.running(); }, seconds(600));
  if (!simulation_.failed()) end_round();
}

void LogWorld::end_round() {
  machine_.disk().conditions().capacity = DiskConditions{}.capacity;
  if (machine_.running()) {
    log_.reset();
    files_.reset();
    // Who lost the power after a clean close has lost nothing.
    const bool no_power = simulation_.random().percent(50);
    power_was_lost_ |= no_power && !was_clean_;
    simulation_.trace("{}{}", no_power ? "no power" : "killed", was_clean_ ? " after a clean close" : "");
    if (no_power) {
      machine_.power_off();
    } else {
      machine_.kill();
    }
  }
  start();
  if (power_was_lost_ && !flushes_each_record_) lose_unflushed();
  if (!simulation_.failed()) read_whole();
}

void LogWorld::lose_unflushed() {
  history_.report(&Invariant::on_unflushed_records_lost);
  new_producers();
}

Task<void> LogWorld::drive() {
  while (simulation_.now() < round_end_ && !simulation_.failed() && !machine_.dying()) {
    co_await act();
    co_await sleep_for(microseconds(simulation_.random().below(20'000)));
  }
  if (simulation_.random().percent(40) && !machine_.dying()) co_await close();
  busy_ = false;
}

Task<void> LogWorld::act() {
  SimRandom& random = simulation_.random();
  Producer& producer = producers_[random.below(producers_.size())];
  const uint64_t choice = random.below(100);
  if (choice < 65) {
    co_await append(producer);
  } else if (choice < 75) {
    send_again(producer);
  } else if (choice < 90) {
    co_await read_some();
  } else {
    co_await maintain();
  }
}

void LogWorld::make_batch(Producer& producer) {
  SimRandom& random = simulation_.random();
  const auto count = static_cast<int32_t>(random.between(1, 5));
  protocol::BatchBuilder builder({.codec = static_cast<protocol::Compression>(random.below(5)),
                                  .producer_id = producer.id,
                                  .producer_epoch = ProducerEpoch(0),
                                  .base_sequence = producer.next_sequence});
  for (int32_t i = 0; i < count; ++i) {
    const RecordId id{producer.name, producer.next_number + i};
    const std::string value = record_value(std::string(kPlace), id, random.percent(10) ? random.below(3'000) : 60);
    history_.report(&Invariant::on_sent, std::string(kPlace), id);
    builder.append(now(), std::nullopt, as_bytes(value));
  }
  producer.undecided = {.sequence = producer.next_sequence,
                        .first_number = producer.next_number,
                        .count = count,
                        .bytes = to_vector(builder.finish().bytes)};
  producer.next_sequence += count;
  producer.next_number += count;
}

Task<void> LogWorld::append(Producer& producer) {
  if (!producer.undecided) make_batch(producer);
  ByteVector bytes = producer.undecided->bytes;
  const auto appended = log_->append_as_leader(bytes, {.leader_epoch = leader_epoch_, .now = now()});
  if (machine_.dying()) co_return;
  if (!appended) {
    simulation_.trace("{}: {}", producer.name, appended.error().message);
    // The next attempt may find room. A batch that no segment can hold is none we make.
    if (appended.error().code != storage::AppendErrorCode::kNoSpace) {
      simulation_.fail("AppendsSucceed", appended.error().message);
    }
    co_return;
  }
  if (flushes_each_record_ && !co_await flush(storage::FlushNeed::kAll)) co_return;
  if (flushes_each_record_ && log_->recovery_point() <= appended->last_offset) {
    simulation_.fail("FlushCoversWhatWasAppended",
                     fmt::format("{} was appended and flushed, the recovery point is {}", appended->last_offset.value(),
                                 log_->recovery_point().value()));
  }
  acknowledge(producer, *appended);
}

void LogWorld::acknowledge(Producer& producer, const storage::AppendInfo& info) {
  const Producer::Batch& batch = *producer.undecided;
  simulation_.trace("{} #{}..{} at {}{}", producer.name, batch.first_number, batch.first_number + batch.count - 1,
                    info.base_offset.value(), info.duplicate ? " again" : "");
  for (int32_t i = 0; i < batch.count; ++i) {
    history_.report(&Invariant::on_acknowledged, std::string(kPlace), info.base_offset + i,
                    RecordId{producer.name, batch.first_number + i});
  }
  high_watermark_ = std::max(high_watermark_, info.last_offset + 1);
  log_->advance_high_watermark(high_watermark_);
  history_.report(&Invariant::on_high_watermark, std::string(kPlace), high_watermark_);
  if (producer.stored.size() == kBatchesInFlightMax) producer.stored.pop_front();
  producer.stored.push_back({*std::exchange(producer.undecided, std::nullopt), info.base_offset});
}

void LogWorld::send_again(Producer& producer) {
  if (producer.undecided || producer.stored.empty()) return;
  const auto& [batch, offset] = producer.stored[simulation_.random().below(producer.stored.size())];
  // What is known of deleted batches may go with them.
  if (producer.stored.back().offset < log_->log_start_offset() || offset < log_->log_start_offset()) return;
  ByteVector bytes = batch.bytes;
  const auto appended = log_->append_as_leader(bytes, {.leader_epoch = leader_epoch_, .now = now()});
  if (machine_.dying()) return;
  if (!appended || !appended->duplicate || appended->base_offset != offset) {
    simulation_.fail(
        "NoRecordIsDuplicatedOrReordered",
        fmt::format("{} sent its batch of offset {} again and was told {}", producer.name, offset.value(),
                    appended ? fmt::format("offset {}", appended->base_offset.value()) : appended.error().message));
  }
}

// Replicas find out by the epochs where their logs part: those of records that are gone would lead them astray.
void LogWorld::check_leader_epochs() {
  for (const storage::EpochStart& epoch : log_->epochs().entries()) {
    if (epoch.start < log_->log_end_offset()) continue;
    simulation_.fail("LeaderEpochsAreThoseOfTheRecords",
                     fmt::format("epoch {} begins at {}, the log was opened up to {}", epoch.epoch.value(),
                                 epoch.start.value(), log_->log_end_offset().value()));
  }
}

Task<bool> LogWorld::flush(storage::FlushNeed need) {
  auto job = log_->start_flush(need, now());
  if (!job) {
    expect_no_error("start a flush", job.error());
    co_return false;
  }
  auto shared = std::make_shared<storage::FlushJob>(*std::move(job));
  const Result<> done = co_await machine_.disk_threads().run([shared] { return shared->run(); });
  if (machine_.dying()) co_return false;
  log_->finish_flush(*shared, done);
  if (!done) expect_no_error("flush", done.error());
  co_return done.has_value();
}

void LogWorld::expect_no_error(std::string_view what, const Error& error) {
  if (machine_.dying() || error.code == Errc::kNoSpace) return;
  simulation_.fail("OnlyAFullDiskIsInTheWay", fmt::format("cannot {}: {}", what, error.message));
}

Offset LogWorld::report_records(Offset from, ByteView left, WholeLog* whole) {
  Offset next = from;
  while (auto batch = protocol::take_batch(left)) {
    auto open = protocol::open_batch(*batch, size_t{1} << 20);
    if (!open || !protocol::check_batch(*batch)) {
      simulation_.fail("FetchedRecordsMatchWhatWasProduced", fmt::format("a broken batch at {}", next.value()));
      return next;
    }
    // Of records that were deleted, and are back because the log's start was not saved, no epoch need be known.
    const LeaderEpoch known = log_->epochs().epoch_of(std::max(batch->base_offset(), log_->log_start_offset()));
    if (known != batch->leader_epoch() && (known != kNoLeaderEpoch || batch->base_offset() >= deleted_before_)) {
      simulation_.fail("LeaderEpochsAreThoseOfTheRecords",
                       fmt::format("the batch at {} is of epoch {}, not of {}", batch->base_offset().value(),
                                   batch->leader_epoch().value(), known.value()));
    }
    for (auto record = open->cursor.next(); record && *record; record = open->cursor.next()) {
      if ((**record).offset < from) continue;
      const FoundRecord found{(**record).offset, std::string(as_text(*(**record).value))};
      history_.report(&Invariant::on_fetched, std::string(kPlace), found);
      if (whole != nullptr) whole->records.push_back(found);
    }
    next = batch->next_offset();
  }
  return next;
}

Task<void> LogWorld::read_some() {
  const Offset start = log_->log_start_offset();
  const Offset from =
      start + static_cast<int64_t>(simulation_.random().below(static_cast<uint64_t>(high_watermark_ - start + 1)));
  const uint64_t size = simulation_.random().between(1, kReadMax);
  const auto read = co_await look_up(machine_, *log_, [&] { return log_->read(from, size, high_watermark_, true); });
  if (!read) co_return expect_no_error("read", read.error());
  if (read->records.length == 0) {
    if (from < high_watermark_) simulation_.fail("ReaderMakesProgress", fmt::format("nothing at {}", from.value()));
    co_return;
  }
  const auto bytes = co_await machine_.disk_threads().run([region = read->records] { return read_region(region); });
  if (!bytes) co_return expect_no_error("read", bytes.error());
  const Offset next = report_records(from, *bytes, nullptr);
  if (!machine_.dying() && next <= from) {
    simulation_.fail("ReaderMakesProgress", fmt::format("no whole batch at {}", from.value()));
  }
}

Task<void> LogWorld::write_number(std::string_view path, Offset number) {
  SimDisk& disk = machine_.disk();
  (void)co_await machine_.disk_threads().run([&disk, path = std::string(path), number] {
    return disk.write_file_atomically(path, fmt::to_string(number.value()));
  });
}

Task<void> LogWorld::maintain() {
  SimRandom& random = simulation_.random();
  SimDisk& disk = machine_.disk();
  if (random.percent(20)) (void)log_->roll(now());
  if (random.percent(10)) {
    const Offset start = log_->log_start_offset();
    const Offset before =
        start + static_cast<int64_t>(random.below(static_cast<uint64_t>(high_watermark_ - start + 1)));
    deleted_before_ = std::max(deleted_before_, before);
    history_.report(&Invariant::on_deleted_before, std::string(kPlace), before);
    simulation_.trace("delete before {}", before.value());
    const Result<> deleted = log_->delete_records_before(before);
    if (!deleted) expect_no_error("delete records", deleted.error());
  }
  retention_under_way_ = true;
  const auto removed = co_await look_up(machine_, *log_, [&] { return log_->apply_retention(now(), high_watermark_); });
  if (machine_.dying()) co_return;
  retention_under_way_ = false;
  if (!removed) expect_no_error("apply retention", removed.error());
  deleted_before_ = std::max(deleted_before_, log_->log_start_offset());
  history_.report(&Invariant::on_deleted_before, std::string(kPlace), log_->log_start_offset());
  // The order of a node: first what says that a prefix is gone, then its files.
  co_await write_number(kLogStart, log_->log_start_offset());
  if (machine_.dying()) co_return;
  auto deletions = std::make_shared<storage::Deletions>(log_->take_deletions());
  const Result<> deleted = co_await machine_.disk_threads().run([deletions, &disk] { return deletions->run(disk); });
  if (!deleted && !machine_.dying()) expect_no_error("remove files", deleted.error());
  if (machine_.dying()) co_return;
  const storage::FlushNeed need = random.percent(30) ? storage::FlushNeed::kAll : log_->flush_need(now());
  if (need != storage::FlushNeed::kNone && !co_await flush(need)) co_return;
  if (random.percent(50)) co_await write_number(kRecoveryPoint, log_->recovery_point());
  if (!machine_.dying() && random.percent(10)) (void)log_->release_idle();
}

void LogWorld::read_whole() {
  WholeLog whole{.start = log_->log_start_offset(), .end = log_->log_end_offset(), .records = {}};
  for (Offset at = whole.start; at < whole.end;) {
    const auto read = look_up_at_once(*log_, [&] { return log_->read(at, kReadMax, whole.end, true); });
    if (!read) return expect_no_error("read", read.error());
    const auto bytes = read_region(read->records);
    if (!bytes) return expect_no_error("read", bytes.error());
    const Offset next = report_records(at, *bytes, &whole);
    if (next <= at) {
      simulation_.fail("ReaderMakesProgress",
                       fmt::format("nothing can be read at {} of {}", at.value(), whole.end.value()));
      return;
    }
    at = next;
  }
  history_.report(&Invariant::on_read_whole, std::string(kPlace), whole);
}

Task<void> LogWorld::close() {
  log_->detach();
  SimDisk& disk = machine_.disk();
  const Result<> closed = co_await machine_.disk_threads().run([this, &disk]() -> Result<> {
    TRY(log_->close());
    TRY(disk.write_file_atomically(std::string(kRecoveryPoint), fmt::to_string(log_->recovery_point().value())));
    return disk.write_file_atomically(std::string(kLogStart), fmt::to_string(log_->log_start_offset().value()));
  });
  if (machine_.dying()) co_return;
  if (!closed) co_return expect_no_error("close the log", closed.error());
  simulation_.trace("closed");
  was_clean_ = true;
}

RunResult run_log_world(const RunOptions& options) { return LogWorld(options).run(); }

}  // namespace weir::sim
