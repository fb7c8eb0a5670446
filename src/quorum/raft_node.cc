#include "quorum/raft_node.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "protocol/control_record.h"
#include "protocol/messages/kraft_version_record.h"
#include "protocol/messages/leader_change_message.h"
#include "protocol/messages/voters_record.h"
#include "protocol/reader.h"
#include "protocol/record.h"
#include "quorum/metadata_snapshot.h"
#include "storage/full_disk.h"
#include "storage/meta_properties.h"

namespace weir::quorum {
namespace {

using protocol::BatchBuilder;
using protocol::ControlType;

constexpr std::string_view kQuorumStateFile = "quorum-state";

// The election that the file remembers; nothing when there is no file yet.
Result<std::optional<ElectionState>> read_election_state(Disk& disk, const std::string& path) {
  auto text = disk.read_file(path);
  if (!text && text.error().code == Errc::kNotFound) return std::nullopt;
  if (!text) return std::unexpected(std::move(text).error());
  auto state = parse_election_state(*text);
  if (!state) return fail(state.error().code, fmt::format("{}: {}", path, state.error().message));
  return std::optional(*state);
}

// Calls visit(record) for each record of an uncompressed batch.
template <class Visit>
Result<> for_each_record(const protocol::RecordBatch& batch, const Visit& visit) {
  protocol::RecordCursor cursor(batch, batch.records());
  while (true) {
    TRY_ASSIGN(const auto record, cursor.next());
    if (!record) return {};
    TRY(visit(*record));
  }
}

// What a control batch says of kraft.version and voters, in force from its offset on.
Result<> take_voters(const protocol::RecordBatch& batch, VoterHistory& voters) {
  return for_each_record(batch, [&](const protocol::Record& record) -> Result<> {
    if (!record.key || !record.value) return fail(Errc::kCorrupt, "a control record without key or value");
    TRY_ASSIGN(const ControlType type, protocol::parse_control_key(*record.key));
    protocol::Reader in(*record.value);
    if (type == ControlType::kKraftVersion) {
      protocol::KRaftVersionRecord version;
      TRY(version.decode(in, 0));
      voters.add_kraft_version(record.offset, version.kraft_version);
    } else if (type == ControlType::kKraftVoters) {
      protocol::VotersRecord set;
      TRY(set.decode(in, 0));
      voters.add_voters(record.offset, VoterSet::from_record(set));
    }
    return {};
  });
}

}  // namespace

RaftNode::RaftNode(RaftOptions options, const Seams& seams, Loop& loop, MetadataLoader& loader)
    : options_(std::move(options)), seams_(seams), loop_(loop), loader_(loader), voters_(options_.static_voters) {}

RaftNode::~RaftNode() = default;

// --------------------------------------------------------------------------------------------------------------- start

Task<Result<>> RaftNode::start(LeadershipListener& leadership) {
  leadership_ = &leadership;
  CO_TRY(co_await open());
  const VoterSet& voters = voters_.voters();
  if (!voters.contains(state_->self())) {
    co_return fail(Errc::kInvalidArgument,
                   fmt::format("node {} with directory {} is none of the {} voters of the metadata quorum",
                               options_.node_id.value(), state_->self().directory_id.to_string(), voters.size()));
  }
  if (!voters.is_only_voter(state_->self())) {
    co_return fail(Errc::kUnsupported,
                   fmt::format("a metadata quorum of {} voters: only one is built so far", voters.size()));
  }
  if (options_.snapshot_interval > Duration::zero()) {
    snapshot_due_ = loop_.now() + options_.snapshot_interval;
    loop_.timers().arm(snapshot_timer_, snapshot_due_);
  }
  CO_TRY(co_await elect());
  // The leader's own first record, and with it all that is in the log.
  co_return co_await committed(log_->end_offset() - 1);
}

Task<Result<>> RaftNode::open() {
  struct Opened {
    std::shared_ptr<RaftLog> log;
    std::optional<ElectionState> election;
    VoterKey self;
  };
  const Timestamp now = seams_.clock.wall();
  CO_TRY_ASSIGN(
      auto opened, co_await seams_.disk_threads.run([&disk = seams_.disk, options = options_, now]() -> Result<Opened> {
        const std::string& directory = options.metadata_log_dir;
        TRY_ASSIGN(const std::string text, disk.read_file(directory + "/meta.properties"));
        TRY_ASSIGN(const auto properties, storage::parse_meta_properties(text));
        TRY_ASSIGN(std::shared_ptr<RaftLog> log, RaftLog::open(disk, directory, options.log, now));
        TRY_ASSIGN(auto election, read_election_state(disk, log->directory() + "/" + std::string(kQuorumStateFile)));
        return Opened{std::move(log), election, {options.node_id, properties.directory_id.value_or(Uuid{})}};
      }));
  log_ = std::move(opened.log);
  persisted_ = opened.election;
  ElectionState election = opened.election.value_or(ElectionState{});
  // A log from a later epoch than the file remembers: the file was lost, and with it who was voted for.
  if (election.epoch < log_->last_epoch()) election = ElectionState{log_->last_epoch(), kNoNode, std::nullopt};
  state_.emplace(opened.self, election);
  CO_TRY(co_await load_snapshot());
  co_return co_await scan_control_batches();
}

Task<Result<>> RaftNode::read(Offset from, Offset to, RaftLog::Visit visit) {
  const RaftLog::Visit visit_and_note = [&](const protocol::RecordBatch& batch) -> Result<> {
    TRY(visit(batch));
    from = batch.next_offset();
    return {};
  };
  while (true) {
    const Result<> done = log_->read(from, to, visit_and_note);
    if (done || done.error().code != Errc::kWouldBlock) co_return done;
    CO_TRY(co_await seams_.disk_threads.run(
        [region = log_->missed()] { return region.file->bring_in(region.position, region.length); }));
  }
}

Task<Result<>> RaftNode::load_snapshot() {
  loaded_end_ = log_->start_offset();
  if (log_->snapshots().empty()) co_return Result<>();
  const SnapshotId id = log_->snapshots().rbegin()->first;
  CO_TRY_ASSIGN(const auto content,
                co_await seams_.disk_threads.run(
                    [&disk = seams_.disk, path = log_->snapshot_path(id)] { return read_checkpoint(disk, path); }));
  const Offset last = id.end_offset - 1;
  if (content.header.kraft_version > 0) {
    voters_.add_kraft_version(last, content.header.kraft_version);
    if (!content.header.voters.empty()) voters_.add_voters(last, content.header.voters);
  }
  if (content.values.empty()) co_return Result<>();  // the directory was formatted with it
  CO_TRY(loader_.load_snapshot({content.values, {last, id.epoch, content.header.last_contained_time}}));
  loaded_end_ = id.end_offset;
  co_return Result<>();
}

Task<Result<>> RaftNode::scan_control_batches() {
  return read(loaded_end_, log_->end_offset(), [this](const protocol::RecordBatch& batch) -> Result<> {
    if (batch.is_control()) TRY(take_voters(batch, voters_));
    return {};
  });
}

// ------------------------------------------------------------------------------------------------------------
// elections

Task<Result<>> RaftNode::elect() {
  state_->become_prospective(voters_.voters());
  CO_TRY(co_await persist());
  CHECK(state_->ballot()->is_won());
  state_->become_candidate(voters_.voters());
  CO_TRY(co_await persist());
  CHECK(state_->ballot()->is_won());
  state_->become_leader(log_->end_offset());
  CO_TRY(co_await persist());
  CO_TRY(append_leader_change());
  log_info("raft", "leads the metadata quorum", kv("epoch", state_->epoch()), kv("offset", log_->end_offset()));
  co_return Result<>();
}

Task<Result<>> RaftNode::persist() {
  const ElectionState election = state_->election();
  if (persisted_ == election) co_return Result<>();
  const std::string path = log_->directory() + "/" + std::string(kQuorumStateFile);
  const std::string text = format_election_state(election, voters_.kraft_version(), voters_.voters());
  CO_TRY(co_await seams_.disk_threads.run(
      [&disk = seams_.disk, path, text] { return disk.write_file_atomically(path, text); }));
  persisted_ = election;
  co_return Result<>();
}

Result<> RaftNode::append_leader_change() {
  const Timestamp now = seams_.clock.wall();
  protocol::BatchOptions batch_options;
  batch_options.is_control = true;
  BatchBuilder batch(batch_options);
  protocol::LeaderChangeMessage message;
  message.leader_id = options_.node_id.value();
  for (const auto& [id, voter] : voters_.voters().voters()) message.voters.push_back({id.value(), {}});
  for (const VoterKey& key : state_->leader()->granting_voters())
    message.granting_voters.push_back({key.id.value(), {}});
  TRY(append_control(batch, now, ControlType::kLeaderChange, message, 0));
  // Voters that only the formatting named: from here on the log itself says it.
  if (voters_.kraft_version() > 0 && !voters_.voters_are_in_log()) {
    const protocol::KRaftVersionRecord version{.kraft_version = voters_.kraft_version()};
    TRY(append_control(batch, now, ControlType::kKraftVersion, version, 0));
    TRY(append_control(batch, now, ControlType::kKraftVoters, voters_.voters().to_record(), 0));
    const Offset base = log_->end_offset();
    VoterSet voters = voters_.voters();
    voters_.add_kraft_version(base + 1, voters_.kraft_version());
    voters_.add_voters(base + 2, std::move(voters));
  }
  TRY(append_batch(batch));
  return {};
}

// -------------------------------------------------------------------------------------------------- appends and
// commits

bool RaftNode::is_leader() const { return state_ && state_->leader() != nullptr; }

LeaderEpoch RaftNode::epoch() const { return state_->epoch(); }

Offset RaftNode::end_offset() const { return log_->end_offset(); }

Result<Offset> RaftNode::append(const MetadataRecords& records) {
  if (failure_) return std::unexpected(*failure_);
  if (!is_leader() || stopping_) return fail(Errc::kUnavailable, "this node does not lead the metadata quorum");
  if (records.empty()) return log_->end_offset() - 1;
  const Timestamp now = seams_.clock.wall();
  BatchBuilder batch(protocol::BatchOptions{});
  for (size_t i = 0; i < records.size(); ++i) {
    batch.append(now, std::nullopt, records[i]);
    if (batch.size() > kRaftBatchSizeMax) {
      return fail(Errc::kTooLarge, fmt::format("{} metadata records do not fit in one batch", records.size()));
    }
  }
  return append_batch(batch);
}

Result<Offset> RaftNode::append_batch(BatchBuilder& batch) {
  TRY_ASSIGN(const Offset last, log_->append(batch.finish(), state_->epoch(), seams_.clock.wall()));
  start_flushing();
  return last;
}

Task<Result<>> RaftNode::committed(Offset offset) {
  while (high_watermark_ <= offset) {
    if (failure_) co_return std::unexpected(*failure_);
    if (!is_leader()) co_return fail(Errc::kUnavailable, "this node does not lead the metadata quorum any more");
    co_await committed_changed_.wait();
  }
  co_return Result<>();
}

void RaftNode::start_flushing() {
  if (flushing_) return;
  flushing_ = true;
  loop_.spawn(flush());
}

// One flush at a time: what is appended meanwhile goes with the next one.
Task<void> RaftNode::flush() {
  const VoterKey self = state_->self();
  while (!failure_ && is_leader() && state_->leader()->end_of(self) < log_->end_offset()) {
    auto job = log_->start_flush(seams_.clock.wall());
    if (!job) {
      fail_log(std::move(job).error());
      break;
    }
    const auto flushed = co_await seams_.disk_threads.run([work = *job] { return work.run(); });
    log_->finish_flush(*job, flushed);
    if (!flushed && flushed.error().code == Errc::kNoSpace) {
      if (stopping_) break;
      log_warn("raft", "the flush waits for room on the disk", kv("why", flushed.error().message));
      co_await sleep_for(storage::kFullDiskRetryInterval);
      continue;
    }
    if (!flushed) {
      fail_log(flushed.error());
      break;
    }
    state_->leader()->update_end(self, job->up_to);
    if (auto advanced = co_await advance_high_watermark(); !advanced) fail_log(std::move(advanced).error());
  }
  flushing_ = false;
  idle_.notify_all();
}

Task<Result<>> RaftNode::advance_high_watermark() {
  const Offset end = state_->leader()->committed_end(voters_.voters());
  if (end <= high_watermark_) co_return Result<>();
  CO_TRY(co_await read(loaded_end_, end, [this](const protocol::RecordBatch& batch) { return load_committed(batch); }));
  high_watermark_ = end;
  if (!announced_) {
    announced_ = true;
    leadership_->on_leader(state_->epoch());
  }
  committed_changed_.notify_all();
  snapshot_if_due();
  co_return Result<>();
}

Result<> RaftNode::load_committed(const protocol::RecordBatch& batch) {
  if (batch.codec() != protocol::Compression::kNone) return fail(Errc::kCorrupt, "a compressed batch of metadata");
  std::vector<ByteView> values;
  if (!batch.is_control()) {
    TRY(for_each_record(batch, [&](const protocol::Record& record) -> Result<> {
      if (!record.value) return fail(Errc::kCorrupt, "a metadata record without a value");
      values.push_back(*record.value);
      return {};
    }));
  }
  if (auto loaded = loader_.load({values, {batch.last_offset(), batch.leader_epoch(), batch.max_timestamp()}});
      !loaded) {
    return fail(loaded.error().code, fmt::format("{} at offset {}: {}", log_->directory(), batch.base_offset().value(),
                                                 loaded.error().message));
  }
  loaded_end_ = batch.next_offset();
  bytes_since_snapshot_ += batch.size();
  return {};
}

void RaftNode::fail_log(Error error) {
  if (failure_) return;
  log_error("raft", "the metadata log failed", kv("error", error.message));
  failure_ = std::move(error);
  leadership_->on_no_longer_leader();
  committed_changed_.notify_all();
  if (options_.on_failure) options_.on_failure(*failure_);
}

// ------------------------------------------------------------------------------------------------------------
// snapshots

void RaftNode::snapshot_if_due() {
  const bool is_due = bytes_since_snapshot_ >= options_.snapshot_after_bytes || loop_.now() >= snapshot_due_;
  if (!is_due || snapshotting_ || stopping_ || failure_) return;
  if (options_.snapshot_interval > Duration::zero()) {
    snapshot_due_ = loop_.now() + options_.snapshot_interval;
    loop_.timers().arm(snapshot_timer_, snapshot_due_);
  }
  if (bytes_since_snapshot_ == 0) return;
  bytes_since_snapshot_ = 0;
  snapshotting_ = true;
  loop_.spawn(take_snapshot());
}

Task<void> RaftNode::take_snapshot() {
  if (const auto written = co_await write_snapshot(); !written) {
    // The log has everything; the next trigger tries again.
    log_warn("raft", "cannot write a snapshot of the metadata", kv("error", written.error().message));
  }
  snapshotting_ = false;
  idle_.notify_all();
}

Task<Result<>> RaftNode::write_snapshot() {
  const auto image = loader_.image();
  const SnapshotId id{image->provenance.last_offset + 1, image->provenance.epoch};
  if (log_->snapshots().contains(id) || id.end_offset <= Offset(0)) co_return Result<>();
  CheckpointHeader header{image->provenance.last_append_time, voters_.kraft_version_before(id.end_offset), {}};
  if (header.kraft_version > 0) header.voters = voters_.voters_before(id.end_offset);
  const CheckpointTarget target{log_->directory(), checkpoint_name(id), id.epoch, true};
  const Timestamp now = seams_.clock.wall();
  CO_TRY_ASSIGN(const FileInfo file, co_await seams_.disk_threads.run(
                                         [&disk = seams_.disk, image, header, target, now]() -> Result<FileInfo> {
                                           TRY(write_checkpoint(disk, target, header, image_to_records(*image), now));
                                           return disk.stat(target.directory + "/" + target.name);
                                         }));
  log_->add_snapshot(id, {file.size, file.modified});
  CO_TRY_ASSIGN(auto deletions, log_->retire(now, options_.retention_bytes, options_.retention_time));
  if (deletions.empty()) co_return Result<>();
  co_return co_await seams_.disk_threads.run(
      [&disk = seams_.disk, deletions = std::move(deletions)]() mutable { return deletions.run(disk); });
}

// ----------------------------------------------------------------------------------------------------------- stop,
// info

Task<Result<>> RaftNode::stop() {
  stopping_ = true;
  snapshot_timer_.cancel();
  while (flushing_ || snapshotting_) co_await idle_.wait();
  if (is_leader()) {
    state_->resign();
    if (!failure_) leadership_->on_no_longer_leader();
    committed_changed_.notify_all();
  }
  if (log_ == nullptr) co_return Result<>();
  log_->detach();
  co_return co_await seams_.disk_threads.run([log = log_] { return log->close(); });
}

QuorumInfo RaftNode::describe() const {
  QuorumInfo info;
  info.leader = state_->leader_id();
  info.epoch = state_->epoch();
  info.high_watermark = high_watermark_;
  info.voter_set = voters_.voters();
  const Timestamp now = seams_.clock.wall();
  for (const auto& [id, voter] : voters_.voters().voters()) {
    QuorumInfo::Replica replica{voter.key};
    if (id == options_.node_id && is_leader()) {
      replica.end_offset = log_->end_offset();
      replica.last_fetch = now;
      replica.last_caught_up = now;
    }
    info.voters.push_back(replica);
  }
  return info;
}

}  // namespace weir::quorum
