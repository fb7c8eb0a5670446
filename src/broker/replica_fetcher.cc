#include "broker/replica_fetcher.h"

#include <algorithm>

#include "base/log.h"
#include "broker/config/broker_config.h"
#include "broker/partition/cold_reads.h"
#include "broker/replication_throttle.h"
#include "broker/shard.h"
#include "protocol/error_code.h"
#include "protocol/messages/list_offsets_request.h"
#include "protocol/messages/list_offsets_response.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

constexpr Duration kReconnectBackoff = milliseconds(20);
constexpr Duration kReconnectBackoffMax = seconds(1);
constexpr Duration kFirstBackoff = milliseconds(10);
constexpr Duration kIdleMax = std::chrono::minutes(9);
constexpr int64_t kLatest = -1;
constexpr int64_t kEarliest = -2;

PartitionKey key_of(const Partition& partition) { return {partition.topic_id(), partition.index()}; }

}  // namespace

// ------------------------------------------------------------------------------------------------------ what to fetch

void ReplicaFetcher::follow(std::shared_ptr<Partition> partition) {
  const PartitionKey key = key_of(*partition);
  put_off_.erase(key);
  ask_for(key, *partition);
  followed_[key] = {.partition = std::move(partition)};
  changed_.notify_all();
}

void ReplicaFetcher::leave(const PartitionKey& key) {
  followed_.erase(key);
  put_off_.erase(key);
  throttled_.erase(key);
  session_.drop(key);
}

void ReplicaFetcher::stop() {
  stopped_ = true;
  if (connection_) connection_->close();
  changed_.notify_all();
}

void ReplicaFetcher::put_off(const PartitionKey& key, MonotonicTime until) {
  const auto found = followed_.find(key);
  if (found == followed_.end()) return;
  found->second.not_before = until;
  session_.drop(key);
  put_off_.insert(key);
}

void ReplicaFetcher::put_off_after_error(const PartitionKey& key) {
  const auto found = followed_.find(key);
  if (found == followed_.end()) return;
  Followed& followed = found->second;
  // As a rule the leader will hear of its epoch in the next moment.
  const Duration most = milliseconds(shard_.node().config.replica_fetch_backoff_ms());
  followed.backoff = std::min(most, followed.backoff == Duration::zero() ? kFirstBackoff : 2 * followed.backoff);
  put_off(key, shard_.loop().now() + followed.backoff);
}

MonotonicTime ReplicaFetcher::next_retry() const {
  MonotonicTime next = kNever;
  for (const PartitionKey& key : put_off_) next = std::min(next, followed_.at(key).not_before);
  return next;
}

Task<void> ReplicaFetcher::pause(MonotonicTime until) { co_await changed_.wait_until(until); }

protocol::BrokerConnection* ReplicaFetcher::connection() {
  const NodeContext& node = shard_.node();
  const quorum::BrokerImage* broker = shard_.image()->broker(leader_);
  const quorum::NodeEndpoint* endpoint =
      broker == nullptr ? nullptr : broker->endpoint(node.config.inter_broker_listener());
  if (endpoint == nullptr) return nullptr;
  const Endpoint to{endpoint->host, endpoint->port};
  if (!connection_ || connection_->endpoint() != to) {
    const Duration timeout = milliseconds(node.config.replica_socket_timeout_ms());
    connection_ = std::make_shared<protocol::BrokerConnection>(
        node.seams.network, node.seams.random, shard_.loop(),
        protocol::ConnectionOptions{.client_id = fmt::format("weir-replica-{}", node.node_id.value()),
                                    .connect_timeout = timeout,
                                    .write_stall = timeout,
                                    .reconnect_backoff = kReconnectBackoff,
                                    .reconnect_backoff_max = kReconnectBackoffMax,
                                    .idle_max = kIdleMax},
        leader_, to);
  }
  return connection_.get();
}

void ReplicaFetcher::ask_for(const PartitionKey& key, const Partition& partition) {
  if (!partition.is_follower()) return session_.drop(key);
  const storage::Log& log = partition.log();
  session_.want(key, {.leader_epoch = partition.leader_epoch(),
                      .offset = log.log_end_offset(),
                      .last_epoch = log.latest_epoch(),
                      .log_start = log.log_start_offset(),
                      .max_bytes = shard_.node().config.replica_fetch_max_bytes(),
                      .directory = partition.place().id});
  if (partition.counts_towards_throttle() && partition.is_catching_up()) {
    throttled_.insert(key);
  } else {
    throttled_.erase(key);
  }
}

void ReplicaFetcher::resume() {
  const MonotonicTime now = shard_.loop().now();
  std::erase_if(put_off_, [&](const PartitionKey& key) {
    const Followed& followed = followed_.at(key);
    if (followed.not_before > now) return false;
    ask_for(key, *followed.partition);
    return true;
  });
}

void ReplicaFetcher::hold_back_throttled() {
  const MonotonicTime now = shard_.loop().now();
  const Duration wait = shard_.node().throttles->follower.wait(now);
  if (wait == Duration::zero()) return;
  for (const PartitionKey& key : throttled_) {
    if (!session_.is_wanted(key)) continue;
    put_off(key, now + wait);
    ++shard_.metrics().replication_throttled_as_follower;
  }
}

std::optional<protocol::FetchRequest> ReplicaFetcher::request() {
  const BrokerConfig& config = shard_.node().config;
  resume();
  hold_back_throttled();
  const quorum::BrokerImage* self = shard_.image()->broker(shard_.node().node_id);
  if (session_.empty() || self == nullptr) return std::nullopt;
  protocol::FetchRequest request;
  request.replica_state = {self->id.value(), self->epoch.value()};
  // What was put off must not wait for those that have nothing new.
  const Duration wait = std::min<Duration>(milliseconds(config.replica_fetch_wait_max_ms()),
                                           std::max(next_retry() - shard_.loop().now(), Duration::zero()));
  request.max_wait_ms = static_cast<int32_t>(std::chrono::ceil<milliseconds>(wait).count());
  request.min_bytes = config.replica_fetch_min_bytes();
  request.max_bytes = config.replica_fetch_response_max_bytes();
  session_.fill(request);
  return request;
}

// ------------------------------------------------------------------------------------------------------------ fetching

Task<void> ReplicaFetcher::run(std::shared_ptr<ReplicaFetcher> self) {
  while (!self->stopped_) co_await self->fetch();
  self->ended_ = true;
  self->changed_.notify_all();
}

Task<void> ReplicaFetcher::ended() {
  while (!ended_) co_await changed_.wait();
}

Task<void> ReplicaFetcher::fetch() {
  const MonotonicTime retry = shard_.loop().now() + milliseconds(shard_.node().config.replica_fetch_backoff_ms());
  if (followed_.empty()) co_return co_await pause(kNever);
  const auto asked = request();
  if (!asked) co_return co_await pause(std::min(retry, next_retry()));
  if (connection() == nullptr) co_return co_await pause(retry);
  // Another address may take its place meanwhile.
  const auto used = connection_;
  const Duration timeout = milliseconds(shard_.node().config.replica_socket_timeout_ms());
  const auto answer = co_await used->call(*asked, shard_.loop().now() + timeout);
  if (stopped_) co_return;
  if (answer) {
    session_.answered(answer->message);
  } else {
    session_.failed();
  }
  if (!answer || answer->message.error_code != 0) {
    if (!take_error(answer)) co_await pause(retry);
    co_return;
  }
  co_await take(answer->message);
}

bool ReplicaFetcher::take_error(const Result<protocol::Received<protocol::FetchResponse>>& answer) {
  const ErrorCode error = answer ? protocol::error_code(answer->message.error_code) : ErrorCode::kNone;
  // The next request begins another session.
  if (error == ErrorCode::kFetchSessionIdNotFound || error == ErrorCode::kInvalidFetchSessionEpoch) return true;
  log_warn("replication", "cannot fetch from a leader", kv("leader", leader_),
           kv("why", answer ? std::string(protocol::error_name(error)) : answer.error().message));
  return false;
}

Task<void> ReplicaFetcher::take(const protocol::FetchResponse& response) {
  std::vector<std::shared_ptr<Partition>> taken;
  for (const auto& topic : response.responses) {
    for (const PartitionData& data : topic.partitions) {
      const PartitionKey key{topic.topic_id, PartitionIndex(data.partition_index)};
      const auto found = followed_.find(key);
      if (found == followed_.end()) continue;
      const auto partition = found->second.partition;
      count(data, *partition);
      const LeaderEpoch epoch = session_.asked_epoch(key);
      // Not what is asked for any more: the next request asks for what is.
      if (epoch == kNoLeaderEpoch || epoch != partition->leader_epoch()) continue;
      const bool done = co_await take_partition(partition, epoch, data);
      const auto still = followed_.find(key);
      if (still == followed_.end()) continue;
      if (done) {
        taken.push_back(partition);
        still->second.backoff = {};
        ask_for(key, *partition);
      } else {
        put_off_after_error(key);
      }
    }
  }
  for (const auto& partition : taken) co_await partition->flushed();
}

void ReplicaFetcher::count(const PartitionData& data, const Partition& partition) {
  const size_t bytes = data.records ? data.records->size() : 0;
  shard_.metrics().replication_bytes_in += bytes;
  if (bytes > 0 && partition.counts_towards_throttle()) {
    shard_.node().throttles->follower.record(bytes, shard_.loop().now());
  }
}

Task<bool> ReplicaFetcher::take_partition(std::shared_ptr<Partition> partition, LeaderEpoch epoch,
                                          const PartitionData& data) {
  const ErrorCode error = protocol::error_code(data.error_code);
  Result<> done;
  if (error == ErrorCode::kOffsetOutOfRange) {
    done = co_await find_leaders_range(partition, epoch);
  } else if (error != ErrorCode::kNone) {
    // The metadata will say who leads, in which epoch.
    co_return false;
  } else if (data.diverging_epoch.epoch >= 0) {
    done = co_await truncate(partition, epoch,
                             {LeaderEpoch(data.diverging_epoch.epoch), Offset(data.diverging_epoch.end_offset)});
  } else {
    done = partition->append_fetched(epoch, data.records ? data.records->bytes() : ByteView{},
                                     Offset(data.high_watermark), Offset(data.log_start_offset));
  }
  if (done) co_return true;
  if (done.error().code != Errc::kUnavailable) {
    log_warn("replication", "cannot take what a leader sent", kv("topic", partition->topic()),
             kv("partition", partition->index()), kv("leader", leader_), kv("why", done.error().message));
  }
  co_return false;
}

// The loop does not wait for the disk: what the log must read for it is brought in first.
Task<Result<>> ReplicaFetcher::truncate(std::shared_ptr<Partition> partition, LeaderEpoch epoch,
                                        storage::EpochEnd diverging) {
  const Offset point = partition->truncation_point(diverging);
  CO_TRY(co_await shard_.cold_reads().look_up(partition,
                                              [point](storage::Log& log) { return log.look_at_truncation(point); }));
  co_return partition->truncate_to(epoch, diverging);
}

Task<Result<>> ReplicaFetcher::find_leaders_range(std::shared_ptr<Partition> partition, LeaderEpoch epoch) {
  const Offset own_end = partition->log().log_end_offset();
  CO_TRY_ASSIGN(const Offset leaders_end, co_await leaders_offset(*partition, kLatest));
  if (leaders_end < own_end) {
    // It was elected though it lacks records: they are lost, here too.
    co_return co_await truncate(partition, epoch, {partition->log().latest_epoch(), leaders_end});
  }
  CO_TRY_ASSIGN(const Offset leaders_start, co_await leaders_offset(*partition, kEarliest));
  if (leaders_start > own_end) co_return partition->start_over(epoch, leaders_start);
  co_return Result<>();
}

Task<Result<Offset>> ReplicaFetcher::leaders_offset(const Partition& partition, int64_t timestamp) {
  protocol::ListOffsetsRequest request;
  request.replica_id = shard_.node().node_id.value();
  auto& topic = request.topics.emplace_back();
  topic.name = partition.topic();
  auto& asked = topic.partitions.emplace_back();
  asked.partition_index = partition.index().value();
  asked.current_leader_epoch = partition.leader_epoch().value();
  asked.timestamp = timestamp;
  if (connection() == nullptr) co_return fail(Errc::kUnavailable, "the leader is not known");
  const auto used = connection_;
  const Duration timeout = milliseconds(shard_.node().config.replica_socket_timeout_ms());
  CO_TRY_ASSIGN(const auto answer, co_await used->call(request, shard_.loop().now() + timeout));
  if (answer.message.topics.size() != 1 || answer.message.topics.front().partitions.size() != 1 ||
      answer.message.topics.front().partitions.front().error_code != 0) {
    co_return fail(Errc::kUnavailable, "the leader does not tell its offsets");
  }
  co_return Offset(answer.message.topics.front().partitions.front().offset);
}

// ------------------------------------------------------------------------------------------------------------ fetchers

void ReplicaFetchers::on_applied(const std::shared_ptr<Partition>& partition) {
  if (stopped_) return;
  const PartitionKey key = key_of(*partition);
  const auto known = leaders_.find(key);
  if (!partition->is_follower()) return on_removed(key);
  if (known != leaders_.end() && known->second != partition->leader()) on_removed(key);
  leaders_[key] = partition->leader();
  auto& fetcher = fetchers_[partition->leader()];
  if (!fetcher) {
    fetcher = std::make_shared<ReplicaFetcher>(shard_, partition->leader());
    shard_.loop().spawn(ReplicaFetcher::run(fetcher));
  }
  fetcher->follow(partition);
}

void ReplicaFetchers::on_removed(const PartitionKey& key) {
  const auto known = leaders_.find(key);
  if (known == leaders_.end()) return;
  const auto fetcher = fetchers_.find(known->second);
  leaders_.erase(known);
  fetcher->second->leave(key);
  if (fetcher->second->size() > 0) return;
  fetcher->second->stop();
  fetchers_.erase(fetcher);
}

Task<void> ReplicaFetchers::stop() {
  stopped_ = true;
  const auto fetchers = std::exchange(fetchers_, {});
  leaders_.clear();
  for (const auto& [leader, fetcher] : fetchers) fetcher->stop();
  for (const auto& [leader, fetcher] : fetchers) co_await fetcher->ended();
}

}  // namespace weir::broker
