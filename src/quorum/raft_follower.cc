// RaftNode as a follower or observer: it fetches what the leader has.
#include <algorithm>

#include "base/log.h"
#include "quorum/control_batch.h"
#include "quorum/raft_node.h"
#include "storage/full_disk.h"

namespace weir::quorum {

using protocol::ErrorCode;

namespace {

// How long the leader holds a fetch that finds nothing new.
constexpr milliseconds kFetchWait{500};
// Between fetches that bring nothing, growing to this.
constexpr Duration kBackoffMax = seconds(1);
// Connections in a row that nobody takes: the leader's process is gone, most likely.
constexpr int kRefusalsOfDeath = 2;
// Until a voter then stands for election, and by how much chance spreads that. Others, whose leader answers, refuse it
// their pre-votes.
constexpr Duration kSuspicion = milliseconds(100);

}  // namespace

std::optional<Endpoint> RaftNode::fetch_target() {
  if (const Follower* follower = state_->follower()) return endpoint_of(follower->endpoints);
  std::vector<Endpoint> servers = options_.bootstrap_servers;
  for (const auto& [id, voter] : voters_.voters().voters()) {
    const auto endpoint = endpoint_of(voter.endpoints);
    if (id != options_.node_id && endpoint) servers.push_back(*endpoint);
  }
  // Not itself, where it is one of the bootstrap servers.
  for (const VoterEndpoint& own : options_.endpoints) std::erase(servers, Endpoint{own.host, own.port});
  if (servers.empty()) return std::nullopt;
  return servers[next_server_++ % servers.size()];
}

protocol::FetchRequest RaftNode::fetch_request() const {
  protocol::FetchRequest request;
  request.cluster_id = cluster_id_;
  request.replica_state.replica_id = options_.node_id.value();
  request.max_wait_ms = static_cast<int32_t>(kFetchWait.count());
  request.max_bytes = options_.fetch_max_bytes;
  auto& topic = request.topics.emplace_back();
  topic.topic_id = kMetadataTopicId;
  auto& partition = topic.partitions.emplace_back();
  partition.current_leader_epoch = state_->epoch().value();
  partition.fetch_offset = log_->end_offset().value();
  partition.last_fetched_epoch = log_->last_epoch().value();
  partition.log_start_offset = log_->start_offset().value();
  partition.partition_max_bytes = options_.fetch_max_bytes;
  partition.replica_directory_id = state_->self().directory_id;
  partition.high_watermark = high_watermark_.value();
  return request;
}

Task<void> RaftNode::fetch_in_term(uint64_t term) {
  {
    const Turn turn = co_await turn_.lock();
    if (state_->term() != term || is_over()) co_return;
    // A fetch says what is on the disk here, and what was appended as the leader may not be yet.
    while (flushing_) co_await idle_.wait();
    if (const auto flushed = co_await flush_log(); !flushed) {
      if (flushed.error().code != Errc::kNoSpace) fail_log(flushed.error());
      co_return;
    }
  }
  Duration backoff = options_.retry_backoff;
  int refusals = 0;
  while (state_->term() == term && !is_over()) {
    const auto target = fetch_target();
    AfterFetch after;
    if (target) {
      const protocol::FetchRequest request = fetch_request();
      const auto answer = co_await channel_.call(*target, request, loop_.now() + options_.request_timeout);
      refusals = !answer && answer.error().code == Errc::kClosed ? refusals + 1 : 0;
      if (refusals == kRefusalsOfDeath && state_->term() == term && !is_over()) suspect_leader();
      if (answer) {
        const Turn turn = co_await turn_.lock();
        if (state_->term() != term || is_over()) co_return;
        after = co_await take_fetched(answer->message);
      }
      if (after.snapshot) {
        const Offset before = log_->end_offset();
        const auto loaded = co_await fetch_snapshot(term, *target, *after.snapshot);
        if (!loaded) log_warn("raft", "cannot load the leader's snapshot", kv("error", loaded.error().message));
        after.is_good = loaded && log_->end_offset() > before;
      }
    }
    if (after.is_good) {
      backoff = options_.retry_backoff;
      continue;
    }
    if (!co_await pause(term, backoff)) co_return;
    backoff = std::min(backoff * 2, kBackoffMax);
  }
}

void RaftNode::suspect_leader() {
  Follower* follower = state_->follower();
  if (follower == nullptr || !is_voter() || !follower->has_fetched) return;
  follower->has_fetched = false;
  const auto spread = static_cast<uint64_t>(kSuspicion.count());
  const MonotonicTime due = loop_.now() + kSuspicion + Duration(static_cast<int64_t>(seams_.random.below(spread)));
  arm_deadline(std::min(deadline_, due));
}

void RaftNode::note_leader_alive() {
  state_->follower()->has_fetched = true;
  arm_deadline(loop_.now() + options_.fetch_timeout);
}

Task<RaftNode::AfterFetch> RaftNode::take_fetched(const protocol::FetchResponse& response) {
  if (response.error_code != 0) {
    log_warn("raft", "a fetch of the metadata log is refused", kv("error", response.error_code));
    co_return AfterFetch{};
  }
  if (response.responses.size() != 1 || response.responses.front().partitions.size() != 1) co_return AfterFetch{};
  const auto& partition = response.responses.front().partitions.front();
  Told told{partition.error_code,
            LeaderEpoch(partition.current_leader.leader_epoch),
            NodeId(partition.current_leader.leader_id),
            {}};
  for (const auto& node : response.node_endpoints) {
    if (node.node_id != partition.current_leader.leader_id) continue;
    told.endpoints.push_back({options_.listener_name, std::string(node.host), static_cast<uint16_t>(node.port)});
  }
  if (!co_await learn(std::move(told)) || state_->follower() == nullptr) co_return AfterFetch{};
  note_leader_alive();
  if (partition.snapshot_id.end_offset >= 0 && partition.snapshot_id.epoch >= 0) {
    co_return AfterFetch{
        .snapshot = SnapshotId{Offset(partition.snapshot_id.end_offset), LeaderEpoch(partition.snapshot_id.epoch)}};
  }
  Result<> taken;
  if (partition.diverging_epoch.epoch >= 0 && partition.diverging_epoch.end_offset >= 0) {
    taken = co_await truncate_to(
        {LeaderEpoch(partition.diverging_epoch.epoch), Offset(partition.diverging_epoch.end_offset)});
  } else {
    if (partition.records && partition.records->size() > 0) taken = co_await take_records(partition.records->bytes());
    if (taken) {
      leaders_high_watermark_ = Offset(partition.high_watermark);
      raise_high_watermark(std::min(leaders_high_watermark_, log_->end_offset()));
      committed_changed_.notify_all();
    }
  }
  if (taken) co_return AfterFetch{.is_good = true};
  if (taken.error().code == Errc::kIo) {
    fail_log(taken.error());
  } else {
    log_warn("raft", "cannot take what the leader sent", kv("error", taken.error().message));
  }
  co_return AfterFetch{};
}

Task<Result<>> RaftNode::take_records(ByteView records) {
  const Offset before = log_->end_offset();
  const Result<> appended = log_->append_as_follower(records, seams_.clock.wall());
  // Also of what was appended before an error.
  while (!records.empty()) {
    const auto batch = protocol::take_batch(records);
    if (!batch || batch->last_offset() >= log_->end_offset()) break;
    if (batch->base_offset() >= before && batch->is_control()) CO_TRY(take_voters(*batch, voters_));
  }
  CO_TRY(appended);
  // Observers do not count towards a commit; but a leader takes what a controller has fetched for durable at once when
  // it makes that a voter.
  if (may_become_voter()) CO_TRY(co_await flush_log());
  co_return Result<>();
}

Task<Result<>> RaftNode::truncate_to(storage::EpochEnd diverging) {
  const Offset point = log_->truncation_point(diverging);
  log_info("raft", "truncates what the leader does not have", kv("from", log_->end_offset()), kv("to", point));
  if (point < high_watermark_) {
    fail_log({Errc::kCorrupt, "the leader of the metadata quorum lacks records that were committed"});
    co_return Result<>();
  }
  voters_.truncate_to(point);
  CO_TRY(log_->truncate_to(diverging, seams_.clock.wall()));
  co_return Result<>();
}

// ------------------------------------------------------------------------------------------------------------
// snapshots

Task<Result<>> RaftNode::fetch_snapshot(uint64_t term, Endpoint leader, SnapshotId id) {
  log_info("raft", "loads the leader's snapshot", kv("end_offset", id.end_offset), kv("epoch", id.epoch));
  const std::string name = log_->snapshot_path(id) + ".part";
  CO_TRY_ASSIGN(const auto part, co_await seams_.disk_threads.run(
                                     [&disk = seams_.disk, name] { return disk.open(name, OpenMode::kTruncate); }));
  for (Piece piece{0, 1}; piece.end < piece.size;) {
    CO_TRY_ASSIGN(piece, co_await fetch_piece(leader, id, piece.end, part));
    const Turn turn = co_await turn_.lock();
    if (state_->term() != term || is_over()) co_return fail(Errc::kUnavailable, "the leader is not followed any more");
    note_leader_alive();
  }
  CO_TRY(co_await seams_.disk_threads.run(
      [&disk = seams_.disk, name, path = log_->snapshot_path(id), directory = log_->directory(), part]() -> Result<> {
        TRY(part->sync());
        // What was damaged on the way must not take the log's place.
        TRY(read_checkpoint(disk, name));
        TRY(disk.make_read_only(name));
        TRY(disk.rename(name, path));
        return disk.sync_directory(directory);
      }));
  const Turn turn = co_await turn_.lock();
  if (state_->term() != term || is_over()) co_return fail(Errc::kUnavailable, "the leader is not followed any more");
  const auto installed = co_await install_snapshot(id);
  if (!installed && installed.error().code != Errc::kNoSpace) fail_log(installed.error());
  co_return installed;
}

Task<Result<RaftNode::Piece>> RaftNode::fetch_piece(Endpoint leader, SnapshotId id, uint64_t position,
                                                    std::shared_ptr<File> part) {
  protocol::FetchSnapshotRequest request;
  request.cluster_id = cluster_id_;
  request.replica_id = options_.node_id.value();
  request.max_bytes = options_.fetch_snapshot_max_bytes;
  auto& topic = request.topics.emplace_back();
  topic.name = kMetadataTopic;
  auto& asked = topic.partitions.emplace_back();
  asked.current_leader_epoch = state_->epoch().value();
  asked.snapshot_id = {id.end_offset.value(), id.epoch.value()};
  asked.position = static_cast<int64_t>(position);
  asked.replica_directory_id = state_->self().directory_id;
  CO_TRY_ASSIGN(const auto answer, co_await channel_.call(leader, request, loop_.now() + options_.request_timeout));
  const auto& response = answer.message;
  const bool is_whole = response.error_code == 0 && response.topics.size() == 1 &&
                        response.topics.front().partitions.size() == 1 &&
                        response.topics.front().partitions.front().error_code == 0;
  if (!is_whole) co_return fail(Errc::kUnavailable, "the leader does not serve it");
  const auto& partition = response.topics.front().partitions.front();
  const ByteView bytes = partition.unaligned_records.bytes();
  if (partition.position != static_cast<int64_t>(position) || bytes.empty() || partition.size < 0) {
    co_return fail(Errc::kCorrupt, "the leader sends another part of the snapshot than was asked for");
  }
  CO_TRY(co_await seams_.disk_threads.run([part, position, bytes] { return part->write_at(position, bytes); }));
  co_return Piece{position + bytes.size(), static_cast<uint64_t>(partition.size)};
}

Task<Result<>> RaftNode::install_snapshot(SnapshotId id) {
  while (flushing_ || loading_ || snapshotting_) co_await idle_.wait();
  CO_TRY_ASSIGN(const FileInfo file,
                co_await seams_.disk_threads.run(
                    [&disk = seams_.disk, path = log_->snapshot_path(id)] { return disk.stat(path); }));
  log_->add_snapshot(id, {file.size, file.modified});
  CO_TRY(log_->start_at_newest_snapshot(seams_.clock.wall()));
  voters_.clear();
  CO_TRY(co_await load_snapshot(id));
  committed_changed_.notify_all();
  log_changed_.notify_all();
  // The next fetch says that the log begins there. And an observer's removed segments must not be back after a crash.
  CO_TRY(co_await flush_log());
  co_return Result<>();
}

}  // namespace weir::quorum
