// Offsets that brokers keep or find: a group's committed ones, and those at a time or an end of a partition. Calls with
// their retries, for the Consumer and the Admin. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/cluster.h"
#include "weir/admin.h"

namespace weir::client {

// The broker that coordinates a group, found once and forgotten when it says that it is not.
class Coordinator {
 public:
  Coordinator(std::shared_ptr<Cluster> cluster, std::string group)
      : cluster_(std::move(cluster)), group_(std::move(group)) {}

  [[nodiscard]] const std::string& group() const { return group_; }
  [[nodiscard]] const std::shared_ptr<Cluster>& cluster() const { return cluster_; }
  // A connection to it; asks around until the deadline. kInvalidArgument for a group id that is refused.
  Task<Result<Cluster::ConnectionPtr>> connection(MonotonicTime deadline, Lane lane = Lane::kGeneral);
  void forget() { node_ = kNoNode; }
  [[nodiscard]] NodeId node() const { return node_; }
  // What an error code of the coordinator means: whether to try again, having forgotten it where it is the wrong one.
  bool should_retry(protocol::ErrorCode error);

  // Calls the coordinator until `code_of(reply)` is nothing to retry.
  template <class Request, class CodeOf>
  Task<Result<Reply<typename Request::Response>>> call(const Request& request, MonotonicTime deadline, CodeOf code_of,
                                                       int16_t version_needed, int16_t version_max) {
    Backoff backoff = cluster_->retry_backoff();
    for (;;) {
      CO_TRY_ASSIGN(auto to, co_await connection(deadline));
      auto reply = co_await to->call(request, cluster_->attempt_deadline(deadline), version_needed, version_max);
      if (reply) {
        const protocol::ErrorCode code = code_of(reply->message);
        if (!should_retry(code)) co_return reply;
      } else if (is_transport_failure(reply.error())) {
        forget();
      } else {
        co_return reply;
      }
      if (!co_await cluster_->pause(backoff, deadline)) co_return reply;
    }
  }

 private:
  std::shared_ptr<Cluster> cluster_;
  std::string group_;
  NodeId node_ = kNoNode;
};

// Who commits. The defaults are those of somebody outside the group's membership.
struct CommitIdentity {
  int32_t generation = -1;
  std::string member;
  std::string instance;
};

// What the group has committed; of the partitions asked for, or of all when none are named. Those without are left out.
Task<Result<std::map<TopicPartition, CommittedOffset>>> fetch_committed(Coordinator& coordinator,
                                                                        std::vector<TopicPartition> places,
                                                                        MonotonicTime deadline);
// kUnavailable when the member is not (or no longer) the one to commit.
Task<Result<>> commit_offsets(Coordinator& coordinator, CommitIdentity identity,
                              std::map<TopicPartition, Offset> offsets, MonotonicTime deadline);

// The offset at a time or at an end, for each partition, each from its leader.
Task<Result<std::map<TopicPartition, Result<FoundOffset>>>> find_offsets(std::shared_ptr<Cluster> cluster,
                                                                         std::map<TopicPartition, Timestamp> wanted,
                                                                         bool read_committed, MonotonicTime deadline);

// Sorted places as runs of one topic: calls begin(topic) for each new topic, then add(partition).
template <class Places, class Begin, class Add>
void by_topic(const Places& places, Begin begin, Add add) {
  const std::string* topic = nullptr;
  for (const auto& place : places) {
    if (topic == nullptr || *topic != place.topic) begin(place.topic);
    topic = &place.topic;
    add(place);
  }
}

}  // namespace weir::client
