// The shell around Positions, FetchSession and GroupMembership: it fetches ahead, finds out where to start, commits.
#include "weir/consumer.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/cluster.h"
#include "client/fetch_session.h"
#include "client/group_membership.h"
#include "client/offsets.h"
#include "client/positions.h"
#include "protocol/messages/fetch_request.h"
#include "protocol/messages/fetch_response.h"

namespace weir::client {
namespace {

using protocol::ErrorCode;
using protocol::FetchRequest;
using protocol::FetchResponse;
using PartitionAnswer = FetchResponse::PartitionData;

// The last version that names topics; the next has their ids.
constexpr int16_t kFetchLastWithNames = 12;

}  // namespace

class Consumer::Impl : public std::enable_shared_from_this<Consumer::Impl> {
 public:
  Impl(std::shared_ptr<Cluster> cluster, ConsumerOptions options)
      : cluster_(std::move(cluster)), options_(std::move(options)), coordinator_(cluster_, options_.group) {
    next_commit_ = cluster_->now() + options_.auto_commit_interval;
  }

  void assign(std::vector<TopicPartition> places);
  void subscribe(std::vector<std::string> topics);
  Task<Result<ConsumedRecords>> poll(Duration timeout);
  Task<Result<>> commit();
  Task<Result<>> close();
  void stop() {
    stopped_ = true;
    arrived_.notify_all();
  }
  Positions& positions() { return positions_; }
  void seek(const TopicPartition& place, Offset offset);

 private:
  using Incarnations = std::map<TopicPartition, uint64_t>;

  [[nodiscard]] bool commits() const { return options_.auto_commit && !options_.group.empty(); }
  Coordinator& coordinator() { return member_ ? member_->coordinator() : coordinator_; }
  Task<Result<>> tend_membership();
  Task<void> apply_assignment();
  void start_work();
  void start_fetches();
  MonotonicTime next_retry() const;
  static Task<void> refresh(std::shared_ptr<Impl> self);
  static Task<void> resolve(std::shared_ptr<Impl> self);
  Task<Result<>> resolve_committed();
  Task<Result<>> resolve_reset();
  static Task<void> commit_in_background(std::shared_ptr<Impl> self);
  static Task<void> fetch(std::shared_ptr<Impl> self, NodeId node, FetchSession::Targets targets,
                          Incarnations incarnations);
  Task<Result<Reply<FetchResponse>>> exchange(NodeId node, const FetchSession::Targets& targets);
  void take_in(Reply<FetchResponse>& reply, const Incarnations& asked);
  void take_in(const TopicPartition& place, const PartitionAnswer& answer, const Buffer& owner,
               const Incarnations& asked);
  void take_error(const TopicPartition& place, Positions::Partition& partition, const PartitionAnswer& answer);
  void postpone(Positions::Partition& partition) {
    partition.not_before = cluster_->now() + cluster_->options().retry_backoff;
  }

  std::shared_ptr<Cluster> cluster_;
  ConsumerOptions options_;
  Coordinator coordinator_;  // for committed offsets without membership
  std::shared_ptr<GroupMembership> member_;
  Positions positions_;
  std::map<NodeId, FetchSession> sessions_;
  std::set<NodeId> fetching_;
  std::vector<std::string> topics_;
  uint64_t joins_applied_ = 0;
  std::optional<Error> failure_;
  MonotonicTime next_commit_;
  bool leaders_wanted_ = false;
  bool refreshing_ = false;
  bool resolving_ = false;
  bool committing_ = false;
  bool stopped_ = false;
  WaitList arrived_;
};

// ------------------------------------------------------------------------------------------------------ the user's
// side

void Consumer::Impl::assign(std::vector<TopicPartition> places) {
  const auto start = options_.group.empty() ? Positions::Known::kReset : Positions::Known::kNothing;
  for (const TopicPartition& place : places) cluster_->use_topic(place.topic);
  positions_.assign(places, start, options_.reset);
  leaders_wanted_ = true;
}

void Consumer::Impl::subscribe(std::vector<std::string> topics) { topics_ = std::move(topics); }

void Consumer::Impl::seek(const TopicPartition& place, Offset offset) {
  Positions::Partition* partition = positions_.find(place);
  CHECK(partition != nullptr, "{} is not assigned", place.to_string());
  positions_.seek(*partition, offset);
}

Task<Result<ConsumedRecords>> Consumer::Impl::poll(Duration timeout) {
  const MonotonicTime deadline = cluster_->now() + timeout;
  if (member_) member_->touch();
  if (commits() && cluster_->now() >= next_commit_ && !committing_) {
    next_commit_ = cluster_->now() + options_.auto_commit_interval;
    committing_ = true;
    cluster_->loop().spawn(commit_in_background(shared_from_this()));
  }
  for (;;) {
    if (!topics_.empty()) CO_TRY(co_await tend_membership());
    if (failure_) co_return std::unexpected(*std::exchange(failure_, std::nullopt));
    ConsumedRecords out;
    CO_TRY(positions_.read(options_.poll_records_max, out));
    start_work();
    if (!out.records.empty() || cluster_->now() >= deadline || stopped_) co_return out;
    co_await arrived_.wait_until(std::min(deadline, next_retry()));
  }
}

Task<Result<>> Consumer::Impl::commit() {
  if (options_.group.empty()) co_return fail(Errc::kInvalidArgument, "a consumer without a group cannot commit");
  auto offsets = positions_.uncommitted();
  if (offsets.empty()) co_return Result<>();
  const CommitIdentity identity = member_ ? member_->commit_identity() : CommitIdentity{};
  auto done = co_await commit_offsets(coordinator(), identity, offsets, cluster_->api_deadline());
  if (done) {
    positions_.committed(offsets);
  } else if (member_ && done.error().code == Errc::kUnavailable) {
    member_->rejoin_needed();
  }
  co_return done;
}

Task<void> Consumer::Impl::commit_in_background(std::shared_ptr<Impl> self) {
  // What fails now is tried again at the next interval, with what has come to it by then.
  [[maybe_unused]] auto done = co_await self->commit();
  self->committing_ = false;
}

Task<Result<>> Consumer::Impl::close() {
  Result<> committed;
  if (commits()) committed = co_await commit();
  if (member_) co_await member_->leave(cluster_->now() + seconds(5));
  stop();
  co_return committed;
}

// ---------------------------------------------------------------------------------------------------------- membership

Task<Result<>> Consumer::Impl::tend_membership() {
  if (!member_) {
    CO_TRY_ASSIGN(member_, GroupMembership::make(cluster_, options_, topics_));
    member_->set_listener([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->arrived_.notify_all();
    });
  }
  if (member_->state() == GroupMembership::State::kOut) {
    if (member_->failure()) co_return std::unexpected(*member_->failure());
    if (member_->lost()) {
      // Others may read these partitions already: what was read of them is theirs to commit.
      positions_.assign({}, Positions::Known::kNothing, options_.reset);
    } else if (!member_->is_cooperative()) {
      if (commits() && !positions_.all().empty()) [[maybe_unused]]
        auto done = co_await commit();
      positions_.assign({}, Positions::Known::kNothing, options_.reset);
    }
    if (member_->state() == GroupMembership::State::kOut) member_->join(positions_.places());
  }
  if (member_->state() == GroupMembership::State::kIn && member_->joins() != joins_applied_) {
    joins_applied_ = member_->joins();
    co_await apply_assignment();
  }
  co_return Result<>();
}

Task<void> Consumer::Impl::apply_assignment() {
  const std::vector<TopicPartition> assigned = member_->assignment();
  bool gives_up = false;
  for (const TopicPartition& place : positions_.places()) gives_up |= !std::ranges::binary_search(assigned, place);
  if (gives_up && commits()) [[maybe_unused]]
    auto done = co_await commit();
  assign(assigned);
  // The others can only be given what was given up here after one more round.
  if (gives_up) member_->rejoin_needed();
}

// ----------------------------------------------------------------------------------------------- what runs beside
// poll()

void Consumer::Impl::start_work() {
  if (stopped_) return;
  const bool aged = cluster_->now() - cluster_->metadata().updated() > cluster_->options().metadata_age_max;
  if ((leaders_wanted_ || aged) && !refreshing_ && !positions_.all().empty()) {
    refreshing_ = true;
    leaders_wanted_ = false;
    cluster_->loop().spawn(refresh(shared_from_this()));
  }
  const auto unknown = [](const auto& p) { return p.second.known != Positions::Known::kYes; };
  if (!resolving_ && std::ranges::any_of(positions_.all(), unknown)) {
    resolving_ = true;
    cluster_->loop().spawn(resolve(shared_from_this()));
  }
  start_fetches();
}

MonotonicTime Consumer::Impl::next_retry() const {
  MonotonicTime when = kNever;
  for (const auto& [place, partition] : positions_.all()) {
    if (partition.not_before > cluster_->now()) when = std::min(when, partition.not_before);
  }
  return when;
}

Task<void> Consumer::Impl::refresh(std::shared_ptr<Impl> self) {
  // Not more often than the pause between tries: a partition without a leader asks for it all the time.
  const MonotonicTime began = self->cluster_->now();
  auto done = co_await self->cluster_->refresh(began + self->cluster_->options().api_timeout);
  const Duration took = self->cluster_->now() - began;
  if (took < self->cluster_->options().retry_backoff)
    co_await sleep_for(self->cluster_->options().retry_backoff - took);
  self->refreshing_ = false;
  if (!done) self->failure_ = done.error();
  self->arrived_.notify_all();
}

Task<void> Consumer::Impl::resolve(std::shared_ptr<Impl> self) {
  auto committed = co_await self->resolve_committed();
  auto reset = committed ? co_await self->resolve_reset() : committed;
  self->resolving_ = false;
  if (!reset) self->failure_ = reset.error();
  self->arrived_.notify_all();
}

Task<Result<>> Consumer::Impl::resolve_committed() {
  std::vector<TopicPartition> places;
  Incarnations asked;
  for (const auto& [place, partition] : positions_.all()) {
    if (partition.known != Positions::Known::kNothing) continue;
    places.push_back(place);
    asked[place] = partition.incarnation;
  }
  if (places.empty()) co_return Result<>();
  CO_TRY_ASSIGN(const auto found, co_await fetch_committed(coordinator(), places, cluster_->api_deadline()));
  for (const auto& [place, incarnation] : asked) {
    Positions::Partition* partition = positions_.find(place);
    if (partition == nullptr || partition->incarnation != incarnation) continue;
    const auto committed = found.find(place);
    if (committed != found.end()) {
      positions_.seek(*partition, committed->second.offset);
      partition->committed = committed->second.offset;
    } else {
      positions_.reset(*partition);
    }
  }
  co_return Result<>();
}

Task<Result<>> Consumer::Impl::resolve_reset() {
  std::map<TopicPartition, Timestamp> wanted;
  Incarnations asked;
  for (const auto& [place, partition] : positions_.all()) {
    if (partition.known != Positions::Known::kReset) continue;
    if (partition.reset == OffsetReset::kFail) {
      co_return fail(Errc::kOutOfRange, place.to_string() + ": no offset to start from is committed or in the log");
    }
    wanted[place] = partition.reset == OffsetReset::kEarliest ? kEarliestSpec : kLatestSpec;
    asked[place] = partition.incarnation;
  }
  if (wanted.empty()) co_return Result<>();
  CO_TRY_ASSIGN(const auto found,
                co_await find_offsets(cluster_, std::move(wanted), options_.read_committed, cluster_->api_deadline()));
  for (const auto& [place, offset] : found) {
    Positions::Partition* partition = positions_.find(place);
    if (partition == nullptr || partition->incarnation != asked.at(place)) continue;
    CO_TRY(offset);
    positions_.seek(*partition, offset->offset);
  }
  co_return Result<>();
}

// ------------------------------------------------------------------------------------------------------------ fetching

void Consumer::Impl::start_fetches() {
  if (positions_.bytes_fetched() >= static_cast<size_t>(options_.fetch_max_bytes)) return;
  struct Plan {
    FetchSession::Targets targets;
    Incarnations incarnations;
    bool has_full = false;
  };
  std::map<NodeId, Plan> plans;
  for (auto& [place, partition] : positions_.all()) {
    if (partition.known != Positions::Known::kYes || partition.not_before > cluster_->now()) continue;
    const PartitionInfo* info = cluster_->metadata().partition(place);
    if (info == nullptr || !cluster_->broker(info->leader, Lane::kFetch)) {
      leaders_wanted_ = true;
      postpone(partition);
      continue;
    }
    Plan& plan = plans[info->leader];
    plan.has_full |= partition.is_full();
    const Uuid id = cluster_->metadata().topic(place.topic)->id;
    plan.targets[place] = {id, partition.next_fetch, info->leader_epoch, options_.partition_fetch_max_bytes};
    plan.incarnations[place] = partition.incarnation;
  }
  for (auto& [node, plan] : plans) {
    // A fetch without the full partitions might wait long for the others, and what is drained meanwhile would wait too.
    if (plan.has_full || !fetching_.insert(node).second) continue;
    cluster_->loop().spawn(fetch(shared_from_this(), node, std::move(plan.targets), std::move(plan.incarnations)));
  }
}

Task<void> Consumer::Impl::fetch(std::shared_ptr<Impl> self, NodeId node, FetchSession::Targets targets,
                                 Incarnations incarnations) {
  auto reply = co_await self->exchange(node, targets);
  self->fetching_.erase(node);
  if (self->stopped_) co_return;
  FetchSession& session = self->sessions_[node];
  const ErrorCode error = reply ? protocol::error_code(reply->message.error_code) : ErrorCode::kNetworkException;
  if (!reply) {
    session.reset();
    if (!is_transport_failure(reply.error())) self->failure_ = reply.error();
    self->leaders_wanted_ = true;
  } else if (session.accept(error, reply->message.session_id)) {
    self->take_in(*reply, incarnations);
  }
  // A session that the broker forgot is made anew at once; anything else had better be left alone for a moment.
  if (error != ErrorCode::kNone && error != ErrorCode::kFetchSessionIdNotFound) {
    for (const auto& [place, incarnation] : incarnations) {
      if (Positions::Partition* partition = self->positions_.find(place)) self->postpone(*partition);
    }
  }
  self->start_fetches();
  self->arrived_.notify_all();
}

Task<Result<Reply<FetchResponse>>> Consumer::Impl::exchange(NodeId node, const FetchSession::Targets& targets) {
  auto connection = cluster_->broker(node, Lane::kFetch);
  if (!connection) co_return fail(Errc::kClosed, fmt::format("broker {} is gone", node.value()));
  FetchRequest request;
  request.max_wait_ms = static_cast<int32_t>(options_.fetch_wait_max / milliseconds(1));
  request.min_bytes = options_.fetch_min_bytes;
  request.max_bytes = options_.fetch_max_bytes;
  request.isolation_level = options_.read_committed ? 1 : 0;
  const bool ids = sessions_[node].fill(request, targets);
  const MonotonicTime deadline = cluster_->now() + options_.fetch_wait_max + cluster_->options().request_timeout;
  co_return co_await connection->call(request, deadline, FetchRequest::kMinVersion,
                                      ids ? FetchRequest::kMaxStableVersion : kFetchLastWithNames);
}

void Consumer::Impl::take_in(Reply<FetchResponse>& reply, const Incarnations& asked) {
  for (const auto& node : reply.message.node_endpoints) {
    cluster_->metadata().add_broker(
        {NodeId(node.node_id), {std::string(node.host), static_cast<uint16_t>(node.port)}, {}});
  }
  for (const auto& topic : reply.message.responses) {
    const std::string name(topic.topic.empty() ? cluster_->metadata().topic_name(topic.topic_id) : topic.topic);
    for (const PartitionAnswer& answer : topic.partitions) {
      take_in({name, PartitionIndex(answer.partition_index)}, answer, reply.owner, asked);
    }
  }
}

void Consumer::Impl::take_in(const TopicPartition& place, const PartitionAnswer& answer, const Buffer& owner,
                             const Incarnations& asked) {
  Positions::Partition* partition = positions_.find(place);
  const auto incarnation = asked.find(place);
  if (partition == nullptr || incarnation == asked.end() || partition->incarnation != incarnation->second) return;
  if (answer.error_code != 0) return take_error(place, *partition, answer);
  partition->high_watermark = Offset(answer.high_watermark);
  if (!answer.records || answer.records->bytes().empty()) return;
  std::vector<AbortedTransaction> aborted;
  if (options_.read_committed && answer.aborted_transactions) {
    for (const auto& one : *answer.aborted_transactions) {
      aborted.push_back({ProducerId(one.producer_id), Offset(one.first_offset)});
    }
  }
  auto source = std::make_shared<const FetchedRecords::Source>(owner, place.topic, place.partition);
  FetchedRecords fetched(std::move(source), answer.records->bytes(), partition->next_fetch, std::move(aborted));
  if (fetched.next_fetch() == partition->next_fetch) {
    if (fetched.is_cut_short())
      failure_ = Error{Errc::kCorrupt, place.to_string() + ": the broker sent part of a batch"};
    return;
  }
  partition->next_fetch = fetched.next_fetch();
  partition->fetched.push_back(std::move(fetched));
}

void Consumer::Impl::take_error(const TopicPartition& place, Positions::Partition& partition,
                                const PartitionAnswer& answer) {
  const ErrorCode error = protocol::error_code(answer.error_code);
  if (error == ErrorCode::kOffsetOutOfRange) {
    // What was fetched before is still good; the position is reset when it has been handed out.
    if (partition.fetched.empty()) positions_.reset(partition);
    return;
  }
  postpone(partition);
  switch (protocol::error_retry(error)) {
    case protocol::Retry::kNever:
      failure_ = to_error(error, place.to_string());
      break;
    case protocol::Retry::kRefresh:
      cluster_->metadata().set_leader(place, NodeId(answer.current_leader.leader_id),
                                      LeaderEpoch(answer.current_leader.leader_epoch));
      leaders_wanted_ = true;
      break;
    case protocol::Retry::kSame:
      break;
  }
}

// ---------------------------------------------------------------------------------------------------------- the facade

Consumer::Consumer(const Client& client, ConsumerOptions options)
    : impl_(std::make_shared<Impl>(client.cluster(), std::move(options))) {}
Consumer::~Consumer() { impl_->stop(); }

void Consumer::assign(std::vector<TopicPartition> partitions) { impl_->assign(std::move(partitions)); }
void Consumer::subscribe(std::vector<std::string> topics) { impl_->subscribe(std::move(topics)); }
void Consumer::seek(const TopicPartition& partition, Offset offset) { impl_->seek(partition, offset); }
Task<Result<ConsumedRecords>> Consumer::poll(Duration timeout) { return impl_->poll(timeout); }
Task<Result<>> Consumer::commit() { return impl_->commit(); }
Task<Result<>> Consumer::close() { return impl_->close(); }
std::vector<TopicPartition> Consumer::assignment() const { return impl_->positions().places(); }

Offset Consumer::position(const TopicPartition& place) const {
  const auto* partition = impl_->positions().find(place);
  return partition == nullptr || partition->known != Positions::Known::kYes ? kNoOffset : partition->position;
}

Offset Consumer::high_watermark(const TopicPartition& place) const {
  const auto* partition = impl_->positions().find(place);
  return partition == nullptr ? kNoOffset : partition->high_watermark;
}

}  // namespace weir::client
