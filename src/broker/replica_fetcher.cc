#include "broker/replica_fetcher.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "broker/config/broker_config.h"
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
  Followed& followed = followed_[key];
  followed.partition = std::move(partition);
  followed.not_before = {};
  followed.backoff = {};
  changed_.notify_all();
}

void ReplicaFetcher::stop() {
  stopped_ = true;
  if (connection_) connection_->close();
  changed_.notify_all();
}

void ReplicaFetcher::put_off(const PartitionKey& key) {
  const auto found = followed_.find(key);
  if (found == followed_.end()) return;
  Followed& followed = found->second;
  // As a rule the leader will hear of its epoch in the next moment.
  const Duration most = milliseconds(shard_.node().config.replica_fetch_backoff_ms());
  followed.backoff = std::min(most, followed.backoff == Duration::zero() ? kFirstBackoff : 2 * followed.backoff);
  followed.not_before = shard_.loop().now() + followed.backoff;
}

MonotonicTime ReplicaFetcher::next_retry() const {
  MonotonicTime next = kNever;
  for (const auto& [key, followed] : followed_) {
    if (followed.not_before > shard_.loop().now()) next = std::min(next, followed.not_before);
  }
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

std::optional<protocol::FetchRequest> ReplicaFetcher::request() {
  const BrokerConfig& config = shard_.node().config;
  std::map<Uuid, std::vector<Partition*>> by_topic;
  for (auto& [key, followed] : followed_) {
    if (followed.not_before <= shard_.loop().now() && followed.partition->is_follower()) {
      followed.asked_epoch = followed.partition->leader_epoch();
      by_topic[key.topic_id].push_back(followed.partition.get());
    }
  }
  if (by_topic.empty()) return std::nullopt;
  const quorum::BrokerImage* self = shard_.image()->broker(shard_.node().node_id);
  if (self == nullptr) return std::nullopt;
  protocol::FetchRequest request;
  request.replica_state = {self->id.value(), self->epoch.value()};
  // What was put off must not wait for those that have nothing new.
  const Duration wait = std::min<Duration>(milliseconds(config.replica_fetch_wait_max_ms()),
                                           std::max(next_retry() - shard_.loop().now(), Duration::zero()));
  request.max_wait_ms = static_cast<int32_t>(std::chrono::ceil<milliseconds>(wait).count());
  request.min_bytes = config.replica_fetch_min_bytes();
  request.max_bytes = config.replica_fetch_response_max_bytes();
  for (const auto& [topic_id, partitions] : by_topic) {
    auto& topic = request.topics.emplace_back();
    topic.topic_id = topic_id;
    for (Partition* partition : partitions) {
      storage::Log& log = partition->log();
      auto& asked = topic.partitions.emplace_back();
      asked.partition = partition->index().value();
      asked.current_leader_epoch = partition->leader_epoch().value();
      asked.fetch_offset = log.log_end_offset().value();
      asked.last_fetched_epoch = log.latest_epoch().value();
      asked.log_start_offset = log.log_start_offset().value();
      asked.partition_max_bytes = config.replica_fetch_max_bytes();
      asked.replica_directory_id = partition->place().id;
    }
  }
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
  if (!answer || answer->message.error_code != 0) {
    log_warn("replication", "cannot fetch from a leader", kv("leader", leader_),
             kv("why", answer ? std::string(protocol::error_name(protocol::error_code(answer->message.error_code)))
                              : answer.error().message));
    co_return co_await pause(retry);
  }
  co_await take(answer->message);
}

Task<void> ReplicaFetcher::take(const protocol::FetchResponse& response) {
  std::vector<std::shared_ptr<Partition>> taken;
  for (const auto& topic : response.responses) {
    for (const PartitionData& data : topic.partitions) {
      const PartitionKey key{topic.topic_id, PartitionIndex(data.partition_index)};
      const auto found = followed_.find(key);
      if (found == followed_.end()) continue;
      const auto partition = found->second.partition;
      if (co_await take_partition(partition, found->second.asked_epoch, data)) {
        taken.push_back(partition);
        if (const auto still = followed_.find(key); still != followed_.end()) still->second.backoff = {};
      } else {
        put_off(key);
      }
    }
  }
  for (const auto& partition : taken) co_await partition->flushed();
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
    done = partition->truncate_to(epoch,
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

Task<Result<>> ReplicaFetcher::find_leaders_range(std::shared_ptr<Partition> partition, LeaderEpoch epoch) {
  const Offset own_end = partition->log().log_end_offset();
  CO_TRY_ASSIGN(const Offset leaders_end, co_await leaders_offset(*partition, kLatest));
  if (leaders_end < own_end) {
    // It was elected though it lacks records: they are lost, here too.
    co_return partition->truncate_to(epoch, {partition->log().latest_epoch(), leaders_end});
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
