// RaftNode: this node's part in the metadata quorum at work: the log, the persisted vote, elections, replication,
// commits, snapshots. QuorumState decides; this shell writes, sends, and hands what is committed to the loader, in
// order. Made, used and destroyed on one loop (the controller's); flushes and snapshots run on disk threads.
//
// What changes the role, the vote or the log's tail holds `turn_` until that is durable, so that no answer tells of
// what a crash could take back. Per role there are tasks that send; they end when the role's term does. Files:
//   raft_node.cc            start and stop, appends, flushes, commits
//   raft_roles.cc           changes of role, their deadlines, votes and announcements that are sent
//   raft_requests.cc        requests of other nodes
//   raft_voters.cc          changes of the set of voters
//   raft_follower.cc        fetching records and snapshots from the leader
//   raft_snapshots.cc       snapshots that this node makes
// Formats: docs/formats/metadata-log.md. Protocol: docs/quorum.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/seams.h"
#include "base/sync.h"
#include "base/task.h"
#include "base/timer.h"
#include "protocol/batch_builder.h"
#include "protocol/error_code.h"
#include "protocol/messages/add_raft_voter_request.h"
#include "protocol/messages/add_raft_voter_response.h"
#include "protocol/messages/begin_quorum_epoch_request.h"
#include "protocol/messages/begin_quorum_epoch_response.h"
#include "protocol/messages/end_quorum_epoch_request.h"
#include "protocol/messages/end_quorum_epoch_response.h"
#include "protocol/messages/fetch_request.h"
#include "protocol/messages/fetch_response.h"
#include "protocol/messages/fetch_snapshot_request.h"
#include "protocol/messages/fetch_snapshot_response.h"
#include "protocol/messages/remove_raft_voter_request.h"
#include "protocol/messages/remove_raft_voter_response.h"
#include "protocol/messages/update_raft_voter_request.h"
#include "protocol/messages/update_raft_voter_response.h"
#include "protocol/messages/vote_request.h"
#include "protocol/messages/vote_response.h"
#include "protocol/reply.h"
#include "quorum/metadata_loader.h"
#include "quorum/metadata_record.h"
#include "quorum/quorum_channel.h"
#include "quorum/quorum_state.h"
#include "quorum/raft_log.h"
#include "quorum/voter_set.h"

namespace weir::quorum {

// From the node's settings, named as there.
struct RaftOptions {
  NodeId node_id;
  std::string metadata_log_dir;
  VoterSet static_voters;  // controller.quorum.voters; empty with dynamic voters
  // controller.quorum.bootstrap.servers: asked for the leader by who does not know any voter.
  std::vector<Endpoint> bootstrap_servers;
  // The name of the listener on which controllers reach each other, and where this node's own ones are reached; none
  // for a node that is no controller.
  std::string listener_name;
  std::vector<VoterEndpoint> endpoints;
  Duration election_timeout = milliseconds(1000);      // controller.quorum.election.timeout.ms
  Duration fetch_timeout = milliseconds(2000);         // controller.quorum.fetch.timeout.ms
  Duration request_timeout = milliseconds(2000);       // controller.quorum.request.timeout.ms
  Duration retry_backoff = milliseconds(20);           // controller.quorum.retry.backoff.ms
  Duration election_backoff_max = milliseconds(1000);  // controller.quorum.election.backoff.max.ms
  bool auto_join = false;                              // controller.quorum.auto.join.enable
  int32_t fetch_max_bytes = 1048576;                   // controller.quorum.fetch.max.bytes
  int32_t fetch_snapshot_max_bytes = 1048576;          // controller.quorum.fetch.snapshot.max.bytes
  RaftLogOptions log;
  uint64_t snapshot_after_bytes = 20971520;              // metadata.log.max.record.bytes.between.snapshots
  Duration snapshot_interval = std::chrono::hours(1);    // metadata.log.max.snapshot.interval.ms; 0 none
  uint64_t retention_bytes = 104857600;                  // metadata.max.retention.bytes
  Duration retention_time = std::chrono::hours(24 * 7);  // metadata.max.retention.ms
  // The log cannot be written or understood any more: the node must stop. Called once, on the node's loop.
  std::function<void(const Error&)> on_failure;
};

// Told when this node becomes the leader, after all that is committed was loaded, and when it ceases to be.
class LeadershipListener {
 public:
  virtual ~LeadershipListener() = default;
  virtual void on_leader(LeaderEpoch epoch) = 0;
  virtual void on_no_longer_leader() = 0;
};

// What DescribeQuorum tells of the quorum, as far as this node knows.
struct QuorumInfo {
  NodeId leader = kNoNode;
  LeaderEpoch epoch{0};
  Offset high_watermark = kNoOffset;
  struct Replica {
    VoterKey key;
    Offset end_offset = kNoOffset;
    Timestamp last_fetch = kNoTimestamp;
    Timestamp last_caught_up = kNoTimestamp;
  };
  std::vector<Replica> voters;
  std::vector<Replica> observers;
  VoterSet voter_set;
};

class RaftNode {
 public:
  // All but `options` outlive the node.
  RaftNode(RaftOptions options, const Seams& seams, Loop& loop, MetadataLoader& loader, QuorumChannel& channel);
  ~RaftNode();
  RaftNode(const RaftNode&) = delete;
  RaftNode& operator=(const RaftNode&) = delete;

  // Opens the log, loads the newest snapshot and takes up the role that the persisted vote allows. A single voter leads
  // when this returns, and everything in its log is committed and loaded; with others the node votes, follows or
  // observes from then on. kNotFound for a directory that is not formatted, kCorrupt and kUnsupported for a log that
  // cannot be read, kIo, kNoSpace: the node cannot start.
  Task<Result<>> start(LeadershipListener& leadership);
  // Hands the leadership over if there are others, waits for what is under way, flushes and closes the files.
  Task<Result<>> stop();

  // Waits until this node has loaded what was committed when it first heard of a leader, or leads itself. kUnavailable
  // when it stops, or stop_waiting() is called, kIo when the log failed.
  Task<Result<>> caught_up();
  void stop_waiting();

  // Until then there is nothing to ask it.
  [[nodiscard]] bool is_started() const { return started_; }
  [[nodiscard]] bool is_leader() const;
  [[nodiscard]] RoleName role() const { return state_->role(); }
  [[nodiscard]] LeaderEpoch epoch() const;
  // kNoNode when it is not known.
  [[nodiscard]] NodeId leader_id() const { return state_->leader_id(); }
  // Where the leader is reached; nothing when that is not known.
  [[nodiscard]] std::optional<Endpoint> leader_endpoint() const;
  // That the next record will get.
  [[nodiscard]] Offset end_offset() const;
  // What lies below is committed; kNoOffset before that is known.
  [[nodiscard]] Offset high_watermark() const { return high_watermark_; }
  // What lies below is committed and loaded.
  [[nodiscard]] Offset loaded_end() const { return loaded_end_; }

  // Appends the records as one batch, not yet committed, and yields the offset of the last; without records the offset
  // before the end. kUnavailable when this node does not lead, kTooLarge when the records do not fit in one batch,
  // kNoSpace and kIo: nothing was appended.
  Result<Offset> append(const MetadataRecords& records);
  // Waits until `offset`, which was appended in the present epoch, is committed and loaded. kUnavailable when this node
  // ceased to lead before, kIo when the log failed: the outcome is then unknown.
  Task<Result<>> committed(Offset offset);

  // Requests of other nodes, from the controllers' listener. The answers carry Kafka's errors.
  Task<protocol::Reply<protocol::VoteResponse>> handle(const protocol::VoteRequest& request, int16_t version);
  Task<protocol::Reply<protocol::BeginQuorumEpochResponse>> handle(const protocol::BeginQuorumEpochRequest& request,
                                                                   int16_t version);
  Task<protocol::Reply<protocol::EndQuorumEpochResponse>> handle(const protocol::EndQuorumEpochRequest& request,
                                                                 int16_t version);
  Task<protocol::Reply<protocol::FetchResponse>> handle(const protocol::FetchRequest& request, int16_t version);
  Task<protocol::Reply<protocol::FetchSnapshotResponse>> handle(const protocol::FetchSnapshotRequest& request,
                                                                int16_t version);
  // Changes of the set of voters, one at a time. Adding and removing is answered when it is committed (adding also when
  // it is appended, if the request says so), or after the request timeout: it may be committed later then.
  Task<protocol::Reply<protocol::AddRaftVoterResponse>> handle(const protocol::AddRaftVoterRequest& request,
                                                               int16_t version);
  Task<protocol::Reply<protocol::RemoveRaftVoterResponse>> handle(const protocol::RemoveRaftVoterRequest& request,
                                                                  int16_t version);
  Task<protocol::Reply<protocol::UpdateRaftVoterResponse>> handle(const protocol::UpdateRaftVoterRequest& request,
                                                                  int16_t version);

  [[nodiscard]] QuorumInfo describe() const;
  // For invariants: the log itself.
  [[nodiscard]] RaftLog& log() { return *log_; }

 private:
  using Turn = AsyncMutex::Lock;
  // Counts what must end before the node does.
  class Under {
   public:
    explicit Under(RaftNode& node) : node_(node) { ++node_.under_way_; }
    Under(const Under&) = delete;
    Under& operator=(const Under&) = delete;
    ~Under();

   private:
    RaftNode& node_;
  };
  class DeadlineTimer : public Timer {
   public:
    explicit DeadlineTimer(RaftNode& node) : node_(node) {}

   private:
    void on_expiry() override;
    RaftNode& node_;
  };
  // When a snapshot may be due by time.
  class SnapshotTimer : public Timer {
   public:
    explicit SnapshotTimer(RaftNode& node) : node_(node) {}

   private:
    void on_expiry() override { node_.snapshot_if_due(); }
    RaftNode& node_;
  };

  // ---- start, log, commits
  Task<Result<>> open();
  Task<void> begin(bool is_alone);
  Task<Result<>> load_newest_snapshot();
  // Takes the snapshot's metadata and voters in, in place of all that was loaded.
  Task<Result<>> load_snapshot(SnapshotId id);
  Task<Result<>> scan_control_batches();
  [[nodiscard]] Result<> check_voters() const;
  // RaftLog::read, with what is missed brought in on the way.
  Task<Result<>> read(Offset from, Offset to, RaftLog::Visit visit);
  void spawn(Task<void> task);
  Task<void> run(Task<void> task);
  Result<> append_leader_change();
  Result<Offset> append_batch(protocol::BatchBuilder& batch);
  void start_flushing();
  Task<void> flush_as_leader();
  // Makes all of the log durable, and waits for room on the disk; the end of what is. kIo. kNoSpace only when the node
  // stops.
  Task<Result<Offset>> flush_log();
  void raise_high_watermark(Offset end);
  Task<void> load_committed_batches();
  Result<> load_batch(const protocol::RecordBatch& batch);
  void announce_leadership();
  void fail_log(Error error);
  [[nodiscard]] bool is_over() const { return stopping_ || failure_.has_value(); }

  // ---- roles
  [[nodiscard]] bool is_voter() const { return voters_.voters().contains(state_->self()); }
  // Whether it stands for election when there is no leader.
  [[nodiscard]] bool may_stand() const;
  // A broker alone never does.
  [[nodiscard]] bool may_become_voter() const { return is_voter() || !options_.endpoints.empty(); }
  Task<Result<>> persist();
  // Waits for room on the disk; false when the log has failed or the node stops.
  Task<bool> persist_or_fail();
  // After a change of role: makes it durable, and begins what the role does. Holding the turn.
  Task<bool> take_up_role(Duration patience);
  [[nodiscard]] Duration election_patience();
  [[nodiscard]] Duration remaining_patience();
  void arm_deadline(MonotonicTime deadline);
  Task<void> on_deadline();
  Task<void> check_majority();
  // What cannot write lets another lead: without new records nobody is fenced, and no ISR shrinks.
  Task<void> resign_without_room(uint64_t term);
  // Resigns and tells the others, as long as that takes within a request's time.
  Task<void> hand_over();
  Task<void> stand_for_election();
  // With the votes that have come, on to the next role.
  Task<void> count_votes();
  Task<void> lead();
  Task<void> go_back();
  Task<void> follow_or_wait(LeaderEpoch epoch, NodeId leader, std::vector<VoterEndpoint> endpoints);
  Task<void> ask_for_vote(Voter voter, uint64_t term);
  Task<void> take_vote(const Voter& voter, const protocol::VoteResponse& response);
  Task<void> announce_epoch(Voter voter, uint64_t term);
  Task<void> announce_end(Voter voter, uint64_t term);
  // What an answer says of its sender's epoch and leader; false when the answer is of no use beyond that.
  struct Told {
    int16_t error;
    LeaderEpoch epoch;
    NodeId leader;
    std::vector<VoterEndpoint> endpoints;
  };
  Task<bool> learn(Told told);
  template <class Response>
  [[nodiscard]] Told told_by(const Response& response) const;
  Task<bool> pause(uint64_t term, Duration duration);
  [[nodiscard]] std::optional<Endpoint> endpoint_of(const std::vector<VoterEndpoint>& endpoints) const;
  [[nodiscard]] std::vector<VoterEndpoint> endpoints_of(NodeId node) const;

  // ---- requests
  template <class Response>
  void name_leader(protocol::Reply<Response>& reply, int16_t version, int16_t endpoints_since) const;
  template <class Response>
  protocol::Reply<Response> partition_reply(protocol::ErrorCode error, int16_t version) const;
  template <class Response>
  protocol::Reply<Response> refusal(protocol::ErrorCode error) const;
  template <class Request>
  [[nodiscard]] std::optional<protocol::ErrorCode> refused(const Request& request) const;
  [[nodiscard]] std::optional<protocol::ErrorCode> refused_by_epoch(NodeId from, LeaderEpoch epoch) const;
  [[nodiscard]] std::optional<protocol::ErrorCode> refused_as_leader(LeaderEpoch epoch) const;
  [[nodiscard]] bool is_for_this_replica(const VoterKey& addressee) const;
  // Whether the leader that a request names can be the one of that epoch; takes it up then.
  Task<bool> accept_leader(NodeId leader, LeaderEpoch epoch, std::vector<VoterEndpoint> endpoints);
  struct FetchPosition {
    VoterKey replica;
    Offset offset;
    LeaderEpoch last_epoch;
    LeaderEpoch current_epoch;
    Offset high_watermark;
    size_t max_bytes;
  };
  [[nodiscard]] static std::optional<FetchPosition> position_of(const protocol::FetchRequest& request, int16_t version);
  // One look at what there is for the replica; true when that is worth an answer.
  // What this leader knows of how far the log is committed: nothing before it has committed a record of its own epoch.
  // Who heard an older high watermark would take an old image for the newest, and delete what that does not have.
  [[nodiscard]] Offset established_high_watermark() const;
  Task<bool> look_for_records(const FetchPosition& position, protocol::Reply<protocol::FetchResponse>& reply,
                              int16_t version);
  Task<Result<std::string>> read_records(Offset from, size_t max_bytes);

  // ---- changes of the set of voters
  // Why a change is refused; no error with one that is carried out.
  struct Verdict {
    protocol::ErrorCode error = protocol::ErrorCode::kNone;
    std::string message{};
  };
  template <class Response>
  static protocol::Reply<Response> reply_with(Verdict verdict);
  template <class Request>
  [[nodiscard]] std::optional<Verdict> refused_change(const Request& request) const;
  // Whether this leader can change the voters now; `what` names the change.
  [[nodiscard]] std::optional<Verdict> refused_for_now(std::string_view what) const;
  Task<Verdict> add_voter(Voter voter, bool waits_for_commit);
  // Asks the node for the kraft.version that it supports.
  Task<Result<VersionRange>> ask_kraft_version(Endpoint node);
  Task<Verdict> remove_voter(const VoterKey& key);
  Verdict update_voter(const protocol::UpdateRaftVoterRequest& request);
  // Appends a VotersRecord; `voters` are in force from then on. kNoSpace, kIo: nothing is changed.
  Result<Offset> append_voters(VoterSet voters);
  // Waits until what this leader appended at `offset` is committed.
  Task<Verdict> voters_committed(Offset offset);
  void resign_if_removed();
  Task<void> resign_as_removed(uint64_t term);
  // This node as the set of voters should have it.
  [[nodiscard]] Voter own_voter() const;
  // As a follower: has the leader take in where this node is reached, or that it wants to be a voter.
  Task<void> tend_own_vote(uint64_t term);
  Task<void> tell_own_endpoints(Endpoint leader);
  Task<void> join_voters(Endpoint leader, const Voter* former);

  // ---- following
  Task<void> fetch_in_term(uint64_t term);
  // Whom to ask: the leader, or, while there is none to follow, one of those who may know.
  [[nodiscard]] std::optional<Endpoint> fetch_target();
  [[nodiscard]] protocol::FetchRequest fetch_request() const;
  // What is to be done after a fetch.
  struct AfterFetch {
    bool is_good = false;
    std::optional<SnapshotId> snapshot{};  // to be loaded before the next one
  };
  Task<AfterFetch> take_fetched(const protocol::FetchResponse& response);
  Task<Result<>> take_records(ByteView records);
  Task<Result<>> truncate_to(storage::EpochEnd diverging);
  Task<Result<>> fetch_snapshot(uint64_t term, Endpoint leader, SnapshotId id);
  // The next piece, written into `part`; the position behind it and the size of the whole.
  struct Piece {
    uint64_t end;
    uint64_t size;
  };
  Task<Result<Piece>> fetch_piece(Endpoint leader, SnapshotId id, uint64_t position, std::shared_ptr<File> part);
  Task<Result<>> install_snapshot(SnapshotId id);
  void note_leader_alive();
  // Nobody is there where the leader was.
  void suspect_leader();

  // ---- snapshots
  void snapshot_if_due();
  Task<void> take_snapshot();
  Task<Result<>> write_snapshot();

  RaftOptions options_;
  Seams seams_;
  Loop& loop_;
  MetadataLoader& loader_;
  QuorumChannel& channel_;
  LeadershipListener* leadership_ = nullptr;
  std::string cluster_id_;
  std::shared_ptr<RaftLog> log_;  // shared with what a disk thread does to it
  std::optional<QuorumState> state_;
  std::optional<ElectionState> persisted_;
  VoterHistory voters_;
  AsyncMutex turn_;
  MonotonicTime deadline_ = kNever;  // of the present role
  DeadlineTimer deadline_timer_{*this};
  size_t ends_told_ = 0;    // voters that know that this node has resigned
  size_t next_server_ = 0;  // that is asked for the leader
  Offset high_watermark_ = kNoOffset;
  Offset loaded_end_{0};                       // everything below is in the loader
  Offset leaders_high_watermark_ = kNoOffset;  // as a leader told last
  bool waits_no_more_ = false;
  bool announced_ = false;  // that this node leads
  bool flushing_ = false;
  bool loading_ = false;
  bool snapshotting_ = false;
  bool changing_voters_ = false;  // a voter is being added or removed
  bool started_ = false;
  bool stopping_ = false;
  size_t under_way_ = 0;
  std::optional<Error> failure_;
  WaitList committed_changed_;
  WaitList log_changed_;   // the log's end, the high watermark, or the role: what fetches wait for
  WaitList role_changed_;  // or the node stops
  WaitList idle_;          // told when something ends that stop() waits for
  uint64_t bytes_since_snapshot_ = 0;
  MonotonicTime snapshot_due_ = kNever;
  SnapshotTimer snapshot_timer_{*this};
};

template <class Request>
std::optional<protocol::ErrorCode> RaftNode::refused(const Request& request) const {
  if (request.cluster_id && *request.cluster_id != cluster_id_) return protocol::ErrorCode::kInconsistentClusterId;
  if (is_over()) return protocol::ErrorCode::kBrokerNotAvailable;
  return std::nullopt;
}

}  // namespace weir::quorum
