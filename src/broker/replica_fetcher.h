// ReplicaFetcher: copies the partitions of one shard that one other broker leads. It asks for what they lack, one
// request at a time, over a connection of its own and in a fetch session; batches are appended as they came. Owned by
// ReplicaFetchers; loop of its shard.
#pragma once

#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "base/sync.h"
#include "broker/fetch/replica_fetch_session.h"
#include "broker/partition/partition.h"
#include "broker/partition_key.h"
#include "protocol/connection/broker_connection.h"
#include "protocol/messages/fetch_request.h"
#include "protocol/messages/fetch_response.h"

namespace weir::broker {

class BrokerShard;

class ReplicaFetcher {
 public:
  ReplicaFetcher(BrokerShard& shard, NodeId leader) : shard_(shard), leader_(leader) {}

  // Fetches until stop(). Spawned once.
  static Task<void> run(std::shared_ptr<ReplicaFetcher> self);
  void stop();
  // After stop(): what was under way has ended.
  Task<void> ended();

  // From now on, or with news of its leader's epoch: at once.
  void follow(std::shared_ptr<Partition> partition);
  void leave(const PartitionKey& key);
  // What failed is tried again at once.
  void retry() { changed_.notify_all(); }
  [[nodiscard]] size_t size() const { return followed_.size(); }

 private:
  using PartitionData = protocol::FetchResponse::PartitionData;
  struct Followed {
    std::shared_ptr<Partition> partition;
    MonotonicTime not_before{};  // after an error that passes
    Duration backoff{};          // the last wait after such an error; zero: there was none
  };

  // The connection to where the leader is now; nullptr while that is not known.
  protocol::BrokerConnection* connection();
  // Nothing when all partitions wait.
  std::optional<protocol::FetchRequest> request();
  // The next request is to ask for what the partition lacks now.
  void ask_for(const PartitionKey& key, const Partition& partition);
  // Those that were put off until now are asked for again.
  void resume();
  void hold_back_throttled();
  // What the leader said of one request. False when it cannot be asked again at once.
  bool take_error(const Result<protocol::Received<protocol::FetchResponse>>& answer);
  Task<void> fetch();
  Task<void> take(const protocol::FetchResponse& response);
  void count(const PartitionData& data, const Partition& partition);
  // Whether the partition can go on at once.
  Task<bool> take_partition(std::shared_ptr<Partition> partition, LeaderEpoch epoch, const PartitionData& data);
  Task<Result<>> truncate(std::shared_ptr<Partition> partition, LeaderEpoch epoch, storage::EpochEnd diverging);
  // The leader has nothing where this replica's log ends.
  Task<Result<>> find_leaders_range(std::shared_ptr<Partition> partition, LeaderEpoch epoch);
  Task<Result<Offset>> leaders_offset(const Partition& partition, int64_t timestamp);
  // It is not asked for until `until`.
  void put_off(const PartitionKey& key, MonotonicTime until);
  void put_off_after_error(const PartitionKey& key);
  // When something that was put off may be asked for again; kNever.
  [[nodiscard]] MonotonicTime next_retry() const;
  Task<void> pause(MonotonicTime until);

  BrokerShard& shard_;
  NodeId leader_;
  std::unordered_map<PartitionKey, Followed, PartitionKeyHash> followed_;
  // Of those: what is asked for, what is put off, what may be throttled.
  ReplicaFetchSession session_;
  std::unordered_set<PartitionKey, PartitionKeyHash> put_off_;
  std::unordered_set<PartitionKey, PartitionKeyHash> throttled_;
  std::shared_ptr<protocol::BrokerConnection> connection_;
  WaitList changed_;
  bool stopped_ = false;
  bool ended_ = false;
};

// The fetchers of one shard: one for each broker that leads some of its partitions.
class ReplicaFetchers {
 public:
  explicit ReplicaFetchers(BrokerShard& shard) : shard_(shard) {}

  // The metadata have said who leads a partition of this shard.
  void on_applied(const std::shared_ptr<Partition>& partition);
  // It is not here any more.
  void on_removed(const PartitionKey& key);
  // A broker has come, gone or moved.
  void on_brokers_changed() {
    for (const auto& [leader, fetcher] : fetchers_) fetcher->retry();
  }
  // Returns when no fetch is under way any more.
  Task<void> stop();

 private:
  BrokerShard& shard_;
  std::unordered_map<NodeId, std::shared_ptr<ReplicaFetcher>> fetchers_;  // by leader
  std::unordered_map<PartitionKey, NodeId, PartitionKeyHash> leaders_;    // of what is followed
  bool stopped_ = false;
};

}  // namespace weir::broker
