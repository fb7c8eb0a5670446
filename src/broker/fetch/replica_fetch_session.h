// ReplicaFetchSession: what a follower asks its leader for (KIP-227): the first request names every partition, later
// ones only what has changed since the last, so that a partition in which nothing happens costs nothing. Decides only:
// no I/O. Owned by a ReplicaFetcher; loop thread only. The leader's side is FetchSession.
#pragma once

#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "broker/partition_key.h"
#include "protocol/messages/fetch_request.h"
#include "protocol/messages/fetch_response.h"

namespace weir::broker {

class ReplicaFetchSession {
 public:
  // What is asked for of a partition.
  struct Ask {
    LeaderEpoch leader_epoch = kNoLeaderEpoch;
    Offset offset{0};
    LeaderEpoch last_epoch = kNoLeaderEpoch;
    Offset log_start{0};
    int32_t max_bytes = 0;
    Uuid directory{};
    friend bool operator==(const Ask&, const Ask&) = default;
  };

  // The partition is to be fetched so from the next request on.
  void want(const PartitionKey& key, const Ask& ask);
  // It is not fetched any more.
  void drop(const PartitionKey& key);
  [[nodiscard]] bool is_wanted(const PartitionKey& key) const { return entries_.contains(key); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  // In which epoch the leader was last asked for it: what it answers is of no use in another one. kNoLeaderEpoch for a
  // partition that it was not asked for.
  [[nodiscard]] LeaderEpoch asked_epoch(const PartitionKey& key) const;

  // Fills in the session and what it is to be told of. One request at a time: answered() or failed() follows.
  void fill(protocol::FetchRequest& request);
  void answered(const protocol::FetchResponse& response);
  // There is no answer: what the leader knows of the session is not known.
  void failed() { start_over(id_); }

 private:
  struct Entry {
    Ask wanted;
    std::optional<Ask> sent{};                 // what the leader's session has
    LeaderEpoch asked_epoch = kNoLeaderEpoch;  // of the last request
  };
  // The next request begins a session, in place of `former` (0: there is none).
  void start_over(int32_t former);
  static void add(protocol::FetchRequest::FetchTopic& topic, PartitionIndex index, const Ask& ask);

  static constexpr int32_t kFirstEpoch = 0;
  int32_t id_ = 0;
  int32_t epoch_ = kFirstEpoch;
  std::unordered_map<PartitionKey, Entry, PartitionKeyHash> entries_;
  // What the leader's session has otherwise, of those above; and what it has beside them.
  std::unordered_set<PartitionKey, PartitionKeyHash> changed_;
  std::unordered_set<PartitionKey, PartitionKeyHash> dropped_;
};

}  // namespace weir::broker
