#include "sim/worlds/compaction_world.h"

#include <charconv>

#include "protocol/batch_builder.h"
#include "protocol/control_record.h"
#include "protocol/record.h"
#include "sim/worlds/look_up.h"

namespace weir::sim {
namespace {

using protocol::RecordBatch;
using storage::Compaction;

constexpr std::string_view kPlace = "keys-0";
constexpr std::string_view kDirectory = "/data/keys-0";
constexpr std::string_view kRecoveryPoint = "/data/recovery-point";
constexpr std::string_view kCleaned = "/data/cleaned";
constexpr size_t kReadMax = 50'000;
constexpr uint64_t kRounds = 6;
constexpr uint64_t kKeys = 12;

std::optional<int64_t> read_number(Disk& disk, std::string_view path) {
  const Result<std::string> text = disk.read_file(std::string(path));
  if (!text) return std::nullopt;
  int64_t number = 0;
  std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

bool is_aborted(const RecordBatch& batch, const std::vector<storage::AbortedTransaction>& aborted) {
  if (!batch.is_transactional()) return false;
  return std::ranges::any_of(aborted, [&](const storage::AbortedTransaction& transaction) {
    return transaction.producer_id == batch.producer_id() && transaction.first_offset <= batch.base_offset() &&
           transaction.last_offset >= batch.last_offset();
  });
}

}  // namespace

CompactionWorld::CompactionWorld(const RunOptions& options)
    : simulation_(options.seed), fabric_(simulation_), history_(simulation_), machine_(simulation_, fabric_, "node") {
  simulation_.print_trace(options.print_trace);
  SimDisk& disk = machine_.disk();
  CHECK(disk.create_directories("/data").has_value() && disk.sync_directory("/").has_value());
  disk.conditions().sync_does_nothing = options.disk_lies;
  SimRandom& random = simulation_.random();
  config_.compacts = true;
  config_.deletes_old_segments = false;
  config_.segment_size_max = static_cast<int32_t>(random.between(600, 8'000));
  config_.index_interval = random.percent(50) ? 64 : 1024;
  config_.delete_retention_time = milliseconds(random.below(400));
  config_.flush_records = 1;
  memory_ = {.map_bytes = random.percent(30) ? 16 * random.between(3, 14) : size_t{1} << 16,
             .map_load_factor = 0.9,
             .io_buffer_bytes = random.between(64, 4096),
             .seed = {random.next(), random.next()}};
  simulation_.after_each_step([this] {
    if (!machine_.dying()) return;
    simulation_.trace("dies: {}", machine_.death() == Death::kPowerLoss ? "no power" : "killed");
    log_.reset();
    files_.reset();
    machine_.bury();
  });
}

CompactionWorld::~CompactionWorld() {
  log_.reset();
  files_.reset();
  if (machine_.running()) machine_.kill();
}

RunResult CompactionWorld::run() {
  start();
  for (uint64_t round = 0; round < kRounds && !simulation_.failed(); ++round) play_round();
  return {.failure = simulation_.failure(), .trace_hash = simulation_.trace_hash(), .steps = simulation_.steps()};
}

void CompactionWorld::expect_no_error(std::string_view what, const Error& error) {
  simulation_.trace("{}: {}", what, error.message);
  if (machine_.dying() || error.code == Errc::kNoSpace) return;
  simulation_.fail("LogWorksUnlessTheDiskIsFull", fmt::format("{}: {}", what, error.message));
}

// -------------------------------------------------------------------------------------------------------- start and
// end

storage::LogOptions CompactionWorld::log_options() {
  SimDisk& disk = machine_.disk();
  const std::optional<int64_t> cleaned = read_number(disk, kCleaned);
  return {.disk = disk,
          .files = *files_,
          .directory = std::string(kDirectory),
          .partition = {"keys", PartitionIndex(0)},
          .topic_id = {7, 7},
          .config = config_,
          .was_clean = was_clean_,
          .recovery_point = Offset(read_number(disk, kRecoveryPoint).value_or(0)),
          .cleaned_before = cleaned ? std::optional(Offset(*cleaned)) : std::nullopt,
          .now = now()};
}

Task<void> CompactionWorld::open() {
  auto opened = co_await machine_.disk_threads().run([this] { return storage::Log::open(log_options()); });
  was_clean_ = false;
  if (machine_.dying()) co_return;
  history_.report(&Invariant::on_recovery, opened.has_value(), opened ? "" : opened.error().message);
  if (!opened) co_return;
  log_ = *std::move(opened);
  machine_.keep(log_);
  leader_epoch_ = LeaderEpoch(leader_epoch_.value() + 1);
  log_->start_epoch(leader_epoch_);
  producer_ = kNoProducerId;
  compacting_ = false;
  if (!co_await flush()) co_return;
  high_watermark_ = log_->log_end_offset();
  log_->advance_high_watermark(high_watermark_);
  co_await end_open_transactions();
  if (machine_.dying()) co_return;
  simulation_.trace("open to {}, cleaned before {}", log_->log_end_offset().value(),
                    log_->cleaned_before().value_or(kNoOffset).value());
  co_await machine_.disk_threads().run([this] { read_whole(); });
  opened_ = true;
}

Task<void> CompactionWorld::end_open_transactions() {
  std::vector<std::pair<ProducerId, ProducerEpoch>> open;
  for (const auto& [id, producer] : log_->producers().producers()) {
    if (producer.transaction_first_offset != kNoOffset) open.emplace_back(id, producer.epoch);
  }
  std::ranges::sort(open);
  for (const auto& [id, epoch] : open) {
    const SharedBytes marker = protocol::end_txn_marker_batch(protocol::ControlType::kAbort, id, epoch, 0, now());
    if (!co_await append_bytes(to_vector(marker.bytes), storage::AppendOrigin::kCoordinator)) co_return;
  }
}

void CompactionWorld::start() {
  for (int attempt = 0; !simulation_.failed(); ++attempt) {
    machine_.start(1);
    opened_ = false;
    files_ = std::make_shared<storage::FilePool>(simulation_.random().between(1, 8));
    machine_.keep(files_);
    if (attempt < 3 && simulation_.random().percent(40)) {
      machine_.die_at_operation(simulation_.random().between(1, 20),
                                simulation_.random().percent(50) ? Death::kKill : Death::kPowerLoss);
    }
    machine_.loop(0).run_inside([this] { machine_.loop(0).spawn(open()); });
    simulation_.run_until([this] { return opened_ || !machine_.running(); }, seconds(600));
    if (machine_.running()) return;
  }
}

void CompactionWorld::play_round() {
  SimRandom& random = simulation_.random();
  round_end_ = simulation_.now() + random.between(milliseconds(50), seconds(2));
  if (random.percent(20)) machine_.disk().conditions().capacity = machine_.disk().used() + random.below(10'000);
  if (random.percent(70)) {
    machine_.die_at_operation(random.between(1, 400), random.percent(50) ? Death::kKill : Death::kPowerLoss);
  }
  busy_ = true;
  machine_.loop(0).run_inside([this] { machine_.loop(0).spawn(drive()); });
  simulation_.run_until([this] { return !busy_ || !machine_.running(); }, seconds(600));
  machine_.disk().conditions().capacity = DiskConditions{}.capacity;
  if (simulation_.failed()) return;
  if (machine_.running()) {
    log_.reset();
    files_.reset();
    if (random.percent(50)) {
      machine_.power_off();
    } else {
      machine_.kill();
    }
  }
  start();
}

Task<void> CompactionWorld::close() {
  log_->detach();
  const Result<> closed = co_await machine_.disk_threads().run([this] { return log_->close(); });
  if (machine_.dying()) co_return;
  if (!closed) co_return expect_no_error("close the log", closed.error());
  co_await machine_.disk_threads().run([this] { save_checkpoints(); });
  if (machine_.dying()) co_return;
  was_clean_ = true;
}

void CompactionWorld::save_checkpoints() {
  SimDisk& disk = machine_.disk();
  (void)disk.write_file_atomically(std::string(kRecoveryPoint), fmt::to_string(log_->recovery_point().value()));
  if (!log_->cleaned_before()) return;
  (void)disk.write_file_atomically(std::string(kCleaned), fmt::to_string(log_->cleaned_before()->value()));
}

// -------------------------------------------------------------------------------------------------------------- append

Task<void> CompactionWorld::drive() {
  while (simulation_.now() < round_end_ && !simulation_.failed() && !machine_.dying()) {
    co_await act();
    co_await sleep_for(microseconds(simulation_.random().below(20'000)));
  }
  while (compacting_ && !machine_.dying()) co_await sleep_for(milliseconds(1));
  if (simulation_.random().percent(40) && !machine_.dying()) co_await close();
  busy_ = false;
}

Task<void> CompactionWorld::act() {
  const uint64_t choice = simulation_.random().below(100);
  if (choice < 50) {
    co_await append();
  } else if (choice < 65) {
    co_await append_transaction();
  } else if (choice < 75) {
    (void)log_->roll(now());
    co_await flush();
  } else if (choice < 90) {
    if (!std::exchange(compacting_, true)) machine_.loop(0).spawn(compact());
  } else if (choice < 95) {
    co_await machine_.disk_threads().run([this] { save_checkpoints(); });
  } else {
    co_await machine_.disk_threads().run([this] { read_whole(); });
  }
}

CompactionWorld::Written CompactionWorld::make_records() {
  SimRandom& random = simulation_.random();
  Written records;
  for (uint64_t i = random.between(1, 4); i-- > 0;) {
    const std::string key = fmt::format("key-{}", random.below(kKeys));
    std::optional<std::string> value;
    if (!random.percent(20)) value = fmt::format("{}#{}{}", key, writes_++, std::string(random.below(60), '.'));
    records.emplace_back(key, value);
  }
  history_.report(&Invariant::on_keys_sent, std::string(kPlace), records);
  return records;
}

ByteVector CompactionWorld::batch_of(const Written& records, bool is_transactional) {
  SimRandom& random = simulation_.random();
  if (producer_ == kNoProducerId || random.percent(10)) {
    producer_ = ProducerId(1000 + producers_++);
    sequence_ = 0;
  }
  protocol::BatchBuilder builder({.codec = static_cast<protocol::Compression>(random.below(5)),
                                  .is_transactional = is_transactional,
                                  .producer_id = producer_,
                                  .producer_epoch = ProducerEpoch(0),
                                  .base_sequence = sequence_});
  sequence_ += static_cast<int32_t>(records.size());
  for (const auto& [key, value] : records) {
    builder.append(now(), as_bytes(key), value ? std::optional(as_bytes(*value)) : std::nullopt);
  }
  return to_vector(builder.finish().bytes);
}

Task<bool> CompactionWorld::append_bytes(ByteVector bytes, storage::AppendOrigin origin) {
  const auto appended = log_->append_as_leader(bytes, {.leader_epoch = leader_epoch_, .now = now(), .origin = origin});
  if (machine_.dying()) co_return false;
  if (!appended) {
    simulation_.trace("append: {}", appended.error().message);
    // Its sequence is used up; another producer goes on.
    producer_ = kNoProducerId;
    if (appended.error().code != storage::AppendErrorCode::kNoSpace) {
      simulation_.fail("AppendsSucceed", appended.error().message);
    }
    co_return false;
  }
  if (!co_await flush()) co_return false;
  high_watermark_ = log_->log_end_offset();
  log_->advance_high_watermark(high_watermark_);
  co_return true;
}

Task<bool> CompactionWorld::flush() {
  while (true) {
    const auto job = log_->start_flush(storage::FlushNeed::kAll, now());
    if (!job) {
      expect_no_error("start a flush", job.error());
      co_return false;
    }
    const Result<> ran = co_await machine_.disk_threads().run([&job] { return job->run(); });
    if (machine_.dying()) co_return false;
    log_->finish_flush(*job, ran);
    if (ran) co_return true;
    expect_no_error("flush", ran.error());
    if (ran.error().code != Errc::kNoSpace) co_return false;
    machine_.disk().conditions().capacity = DiskConditions{}.capacity;
  }
}

void CompactionWorld::acknowledge(const Written& records) {
  history_.report(&Invariant::on_keys_acknowledged, std::string(kPlace), records);
}

Task<void> CompactionWorld::append() {
  const Written records = make_records();
  if (co_await append_bytes(batch_of(records, false), storage::AppendOrigin::kClient)) acknowledge(records);
}

// One batch of a producer of its own, and its end.
Task<void> CompactionWorld::append_transaction() {
  const Written records = make_records();
  producer_ = kNoProducerId;
  const ByteVector batch = batch_of(records, true);
  const ProducerId id = producer_;
  if (!co_await append_bytes(batch, storage::AppendOrigin::kClient)) co_return;
  const bool commits = simulation_.random().percent(60);
  const SharedBytes marker = protocol::end_txn_marker_batch(
      commits ? protocol::ControlType::kCommit : protocol::ControlType::kAbort, id, ProducerEpoch(0), 0, now());
  while (!co_await append_bytes(to_vector(marker.bytes), storage::AppendOrigin::kCoordinator)) {
    if (machine_.dying() || simulation_.failed()) co_return;
    machine_.disk().conditions().capacity = DiskConditions{}.capacity;
  }
  if (commits) acknowledge(records);
}

// ------------------------------------------------------------------------------------------------------------- compact

Task<void> CompactionWorld::compact() {
  const Offset stable = log_->last_stable_offset(high_watermark_);
  const auto dirtiness = co_await look_up(machine_, *log_, [&] { return log_->dirtiness(stable, now()); });
  if (machine_.dying()) co_return;
  if (!dirtiness || dirtiness->dirty_bytes == 0) {
    compacting_ = false;
    co_return;
  }
  auto plan = co_await look_up(machine_, *log_, [&] { return log_->start_compaction(*dirtiness, now()); });
  if (machine_.dying()) co_return;
  if (!plan) {
    compacting_ = false;
    co_return expect_no_error("start a compaction", plan.error());
  }
  const auto compaction = std::make_shared<Compaction>(machine_.disk(), *std::move(plan), memory_);
  std::optional<Offset> cleaned_before;
  while (true) {
    const auto step = co_await machine_.disk_threads().run([compaction] { return compaction->step(200); });
    if (machine_.dying()) co_return;
    if (!step) {
      expect_no_error("compact", step.error());
      break;
    }
    if (*step == Compaction::Step::kSegment && !co_await swap_in(compaction->segment())) co_return;
    if (*step == Compaction::Step::kDone) {
      cleaned_before = compaction->end();
      break;
    }
  }
  const Result<> discarded = co_await machine_.disk_threads().run([compaction] { return compaction->discard(); });
  if (machine_.dying()) co_return;
  if (!discarded) expect_no_error("discard", discarded.error());
  log_->end_compaction(cleaned_before);
  simulation_.trace("compacted before {}", cleaned_before.value_or(kNoOffset).value());
  auto deletions = std::make_shared<storage::Deletions>(log_->take_deletions());
  co_await machine_.disk_threads().run([deletions, this] { return deletions->run(machine_.disk()); });
  compacting_ = false;
}

// False when the process dies.
Task<bool> CompactionWorld::swap_in(const storage::CompactedSegment& segment) {
  while (true) {
    const Result<bool> to_be_synced = log_->swap_in(segment);
    if (machine_.dying()) co_return false;
    if (!to_be_synced) {
      expect_no_error("swap in", to_be_synced.error());
      if (simulation_.failed()) co_return false;
      machine_.disk().conditions().capacity = DiskConditions{}.capacity;
      continue;
    }
    if (!*to_be_synced) co_return true;
    const Result<> synced = co_await machine_.disk_threads().run([this] {
      read_whole();
      return machine_.disk().sync_directory(std::string(kDirectory));
    });
    if (machine_.dying()) co_return false;
    if (!synced) expect_no_error("sync the folder", synced.error());
  }
}

// ---------------------------------------------------------------------------------------------------------------- read

void CompactionWorld::read_whole() {
  Written found;
  const Offset end = log_->last_stable_offset(high_watermark_);
  for (Offset at = log_->log_start_offset(); at < end;) {
    const auto read = look_up_at_once(*log_, [&] { return log_->read(at, kReadMax, end, true); });
    if (!read) return expect_no_error("read", read.error());
    // What is behind was removed whole.
    if (read->records.length == 0) break;
    const auto aborted = look_up_at_once(*log_, [&] { return log_->aborted_transactions(at, *read, end); });
    if (!aborted) return expect_no_error("read the aborted transactions", aborted.error());
    ByteVector bytes(read->records.length);
    const auto got = read->records.file->read_at(read->records.position, bytes);
    if (!got) return expect_no_error("read", got.error());
    const Offset from = at;
    for (ByteView rest(bytes); const auto batch = protocol::take_batch(rest);) {
      if (!protocol::check_batch(*batch)) return simulation_.fail("BatchesAreWhole", fmt::format("at {}", at.value()));
      if (batch->base_offset() < at && at != from) {
        return simulation_.fail("OffsetsAscend", fmt::format("{} behind {}", batch->base_offset().value(), at.value()));
      }
      at = batch->next_offset();
      if (batch->is_control() || is_aborted(*batch, *aborted)) continue;
      auto open = protocol::open_batch(*batch, size_t{1} << 20);
      if (!open) return simulation_.fail("BatchesAreWhole", open.error().message);
      for (auto record = open->cursor.next(); record && *record; record = open->cursor.next()) {
        const auto& value = (**record).value;
        found.emplace_back(as_text(*(**record).key),
                           value ? std::optional(std::string(as_text(*value))) : std::nullopt);
      }
    }
    if (at <= from) return simulation_.fail("ReaderMakesProgress", fmt::format("no whole batch at {}", at.value()));
  }
  if (!machine_.dying()) history_.report(&Invariant::on_keys_read, std::string(kPlace), found);
}

RunResult run_compaction_world(const RunOptions& options) { return CompactionWorld(options).run(); }

}  // namespace weir::sim
