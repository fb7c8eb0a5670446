#include "quorum/raft_node.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "protocol/control_record.h"
#include "protocol/messages/kraft_version_record.h"
#include "protocol/messages/leader_change_message.h"
#include "protocol/messages/voters_record.h"
#include "quorum/control_batch.h"
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

}  // namespace

RaftNode::RaftNode(RaftOptions options, const Seams& seams, Loop& loop, MetadataLoader& loader, QuorumChannel& channel)
    : options_(std::move(options)),
      seams_(seams),
      loop_(loop),
      loader_(loader),
      channel_(channel),
      voters_(options_.static_voters) {}

RaftNode::~RaftNode() = default;

RaftNode::Under::~Under() {
  if (--node_.under_way_ == 0) node_.idle_.notify_all();
}

// Starts a task that stop() waits for.
void RaftNode::spawn(Task<void> task) { loop_.spawn(run(std::move(task))); }

Task<void> RaftNode::run(Task<void> task) {
  const Under under(*this);
  co_await std::move(task);
}

// --------------------------------------------------------------------------------------------------------------- start

Task<Result<>> RaftNode::start(LeadershipListener& leadership) {
  leadership_ = &leadership;
  CO_TRY(co_await open());
  CO_TRY(check_voters());
  if (options_.snapshot_interval > Duration::zero()) {
    snapshot_due_ = loop_.now() + options_.snapshot_interval;
    loop_.timers().arm(snapshot_timer_, snapshot_due_);
  }
  const bool is_alone = voters_.voters().is_only_voter(state_->self());
  {
    const Turn turn = co_await turn_.lock();
    co_await begin(is_alone);
  }
  if (failure_) co_return std::unexpected(*failure_);
  started_ = true;
  // The leader's own first record, and with it all that is in the log.
  if (is_alone) co_return co_await committed(log_->end_offset() - 1);
  co_return Result<>();
}

// The first role.
Task<void> RaftNode::begin(bool is_alone) {
  if (is_alone) {
    co_await stand_for_election();
    co_return;
  }
  const ElectionState election = state_->election();
  auto endpoints = endpoints_of(election.leader);
  const bool can_follow = state_->role() == RoleName::kUnattached && !endpoints.empty();
  if (can_follow) state_->become_follower(election.epoch, election.leader, std::move(endpoints));
  co_await take_up_role(can_follow ? options_.fetch_timeout : election_patience());
}

Result<> RaftNode::check_voters() const {
  const VoterSet& voters = voters_.voters();
  const VoterKey& self = state_->self();
  // Others may let this node in; its own former disk cannot.
  const bool was_alone = voters.size() == 1 && voters.voters().contains(self.id);
  if (!was_alone || voters.contains(self)) return {};
  return fail(Errc::kInvalidArgument,
              fmt::format("node {} with directory {} is none of the {} voters of the metadata quorum",
                          options_.node_id.value(), self.directory_id.to_string(), voters.size()));
}

Task<Result<>> RaftNode::open() {
  struct Opened {
    std::shared_ptr<RaftLog> log;
    std::optional<ElectionState> election;
    VoterKey self;
    std::string cluster_id;
  };
  const Timestamp now = seams_.clock.wall();
  CO_TRY_ASSIGN(auto opened, co_await seams_.disk_threads.run([&disk = seams_.disk, options = options_,
                                                               now]() -> Result<Opened> {
    const std::string& directory = options.metadata_log_dir;
    TRY_ASSIGN(const std::string text, disk.read_file(directory + "/meta.properties"));
    TRY_ASSIGN(const auto properties, storage::parse_meta_properties(text));
    TRY_ASSIGN(std::shared_ptr<RaftLog> log, RaftLog::open(disk, directory, options.log, now));
    TRY_ASSIGN(auto election, read_election_state(disk, log->directory() + "/" + std::string(kQuorumStateFile)));
    return Opened{
        std::move(log), election, {options.node_id, properties.directory_id.value_or(Uuid{})}, properties.cluster_id};
  }));
  log_ = std::move(opened.log);
  persisted_ = opened.election;
  cluster_id_ = std::move(opened.cluster_id);
  ElectionState election = opened.election.value_or(ElectionState{});
  // A log from a later epoch than the file remembers: the file was lost, and with it who was voted for.
  if (election.epoch < log_->last_epoch()) election = ElectionState{log_->last_epoch(), kNoNode, std::nullopt};
  state_.emplace(opened.self, election);
  CO_TRY(co_await load_newest_snapshot());
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

Task<Result<>> RaftNode::scan_control_batches() {
  return read(loaded_end_, log_->end_offset(), [this](const protocol::RecordBatch& batch) -> Result<> {
    if (batch.is_control()) TRY(take_voters(batch, voters_));
    return {};
  });
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

// ------------------------------------------------------------------------------------------------- appends and flushes

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
  const auto last = log_->append(batch.finish(), state_->epoch(), seams_.clock.wall());
  if (!last) {
    if (last.error().code == Errc::kNoSpace) spawn(resign_without_room(state_->term()));
    return std::unexpected(last.error());
  }
  log_changed_.notify_all();
  start_flushing();
  return *last;
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
  // Voters that only the formatting named: from here on the log itself says it. And where this node is reached now.
  VoterSet voters = voters_.voters().updated(own_voter()).value_or(voters_.voters());
  if (voters_.kraft_version() > 0 && (!voters_.voters_are_in_log() || voters != voters_.voters())) {
    const protocol::KRaftVersionRecord version{.kraft_version = voters_.kraft_version()};
    TRY(append_control(batch, now, ControlType::kKraftVersion, version, 0));
    TRY(append_control(batch, now, ControlType::kKraftVoters, voters.to_record(), 0));
    const Offset base = log_->end_offset();
    voters_.add_kraft_version(base + 1, voters_.kraft_version());
    voters_.add_voters(base + 2, std::move(voters));
  }
  TRY(append_batch(batch));
  return {};
}

void RaftNode::start_flushing() {
  if (flushing_) return;
  flushing_ = true;
  spawn(flush_as_leader());
}

Task<Result<Offset>> RaftNode::flush_log() {
  while (true) {
    CO_TRY_ASSIGN(const auto job, log_->start_flush(seams_.clock.wall()));
    const auto flushed = co_await seams_.disk_threads.run([job] { return job.run(); });
    log_->finish_flush(job, flushed);
    if (flushed) co_return job.up_to;
    if (flushed.error().code != Errc::kNoSpace || stopping_) co_return std::unexpected(flushed.error());
    log_warn("raft", "the flush waits for room on the disk", kv("why", flushed.error().message));
    co_await sleep_for(storage::kFullDiskRetryInterval);
  }
}

// One flush at a time: what is appended meanwhile goes with the next one.
Task<void> RaftNode::flush_as_leader() {
  while (!failure_ && is_leader() && state_->leader()->end_of(state_->self()) < log_->end_offset()) {
    const uint64_t term = state_->term();
    const auto end = co_await flush_log();
    if (!end) {
      if (end.error().code != Errc::kNoSpace) fail_log(end.error());
      break;
    }
    // In another term the log may have been cut since.
    if (state_->term() != term) continue;
    state_->leader()->update_own_end(*end);
    raise_high_watermark(state_->leader()->committed_end(voters_.voters()));
  }
  flushing_ = false;
  idle_.notify_all();
}

// ------------------------------------------------------------------------------------------------------------- commits

Task<Result<>> RaftNode::committed(Offset offset) {
  // Only in the term of its append is it that record that lies there.
  const uint64_t term = state_->term();
  while (true) {
    if (failure_) co_return std::unexpected(*failure_);
    if (state_->term() != term || !is_leader()) {
      co_return fail(Errc::kUnavailable, "this node does not lead the metadata quorum any more");
    }
    if (loaded_end_ > offset) co_return Result<>();
    co_await committed_changed_.wait();
  }
}

Task<Result<>> RaftNode::caught_up() {
  while (true) {
    if (failure_) co_return std::unexpected(*failure_);
    const bool follows = leaders_high_watermark_ != kNoOffset && loaded_end_ >= leaders_high_watermark_;
    if (announced_ || follows) co_return Result<>();
    if (stopping_ || waits_no_more_) co_return fail(Errc::kUnavailable, "the node stops");
    co_await committed_changed_.wait();
  }
}

void RaftNode::stop_waiting() {
  waits_no_more_ = true;
  committed_changed_.notify_all();
}

void RaftNode::raise_high_watermark(Offset end) {
  if (end <= high_watermark_) return;
  high_watermark_ = end;
  log_changed_.notify_all();
  resign_if_removed();
  if (loading_) return;
  loading_ = true;
  spawn(load_committed_batches());
}

Task<void> RaftNode::load_committed_batches() {
  while (!failure_ && loaded_end_ < high_watermark_) {
    const auto loaded = co_await read(loaded_end_, high_watermark_,
                                      [this](const protocol::RecordBatch& batch) { return load_batch(batch); });
    if (!loaded) {
      fail_log(loaded.error());
      break;
    }
    announce_leadership();
    committed_changed_.notify_all();
    snapshot_if_due();
  }
  loading_ = false;
  idle_.notify_all();
}

Result<> RaftNode::load_batch(const protocol::RecordBatch& batch) {
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

void RaftNode::announce_leadership() {
  if (announced_ || !is_leader() || loaded_end_ <= state_->leader()->epoch_start()) return;
  announced_ = true;
  leadership_->on_leader(state_->epoch());
}

void RaftNode::fail_log(Error error) {
  if (failure_) return;
  log_error("raft", "the metadata log failed", kv("error", error.message));
  failure_ = std::move(error);
  deadline_timer_.cancel();
  leadership_->on_no_longer_leader();
  committed_changed_.notify_all();
  log_changed_.notify_all();
  role_changed_.notify_all();
  // start() tells of it itself.
  if (started_ && options_.on_failure) options_.on_failure(*failure_);
}

// ---------------------------------------------------------------------------------------------------------- stop, info

Task<Result<>> RaftNode::stop() {
  if (is_leader() && !is_over()) co_await hand_over();
  stopping_ = true;
  committed_changed_.notify_all();
  snapshot_timer_.cancel();
  deadline_timer_.cancel();
  channel_.close();
  log_changed_.notify_all();
  role_changed_.notify_all();
  while (under_way_ > 0 || flushing_ || loading_ || snapshotting_) co_await idle_.wait();
  if (is_leader()) {
    state_->resign(voters_.voters());
    if (announced_ && !failure_) leadership_->on_no_longer_leader();
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
  const Leader* leader = state_->leader();
  const Timestamp now = seams_.clock.wall();
  for (const auto& [id, voter] : voters_.voters().voters()) {
    QuorumInfo::Replica replica{voter.key};
    if (leader != nullptr && id == options_.node_id) {
      replica = {voter.key, log_->end_offset(), now, now};
    } else if (const auto* known = leader == nullptr ? nullptr : leader->find(voter)) {
      replica = {voter.key, known->end, known->last_fetch, known->last_caught_up};
    }
    info.voters.push_back(replica);
  }
  if (leader == nullptr) return info;
  for (const VoterKey& key : leader->observers(voters_.voters())) {
    const Leader::Replica& known = leader->replica(key);
    info.observers.push_back({key, known.end, known.last_fetch, known.last_caught_up});
  }
  return info;
}

}  // namespace weir::quorum
