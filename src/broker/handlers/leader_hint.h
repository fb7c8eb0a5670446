// What Produce v10+ and Fetch v16+ tell a client whose leader has moved (KIP-951): the present leader, its epoch, and
// where it listens.
#pragma once

#include <set>

#include "broker/server/request_context.h"
#include "broker/shard.h"

namespace weir::broker {

class LeaderHints {
 public:
  explicit LeaderHints(RequestContext& context) : context_(context) {}

  // Fills the hint of a partition when `error` says that the client asked the wrong node, or with the wrong epoch.
  template <class LeaderIdAndEpoch>
  void add(const Uuid& topic_id, PartitionIndex index, protocol::ErrorCode error, LeaderIdAndEpoch& out) {
    if (error != protocol::ErrorCode::kNotLeaderOrFollower && error != protocol::ErrorCode::kFencedLeaderEpoch) return;
    context_.image = context_.shard.image();
    const quorum::PartitionImage* partition = context_.image->partition(topic_id, index);
    if (partition == nullptr) return;
    out.leader_id = partition->leader.value();
    out.leader_epoch = partition->leader_epoch.value();
    leaders_.insert(partition->leader);
  }

  template <class NodeEndpoint>
  void add_endpoints(std::vector<NodeEndpoint>& out) {
    for (const NodeId leader : leaders_) {
      const quorum::BrokerImage* broker = context_.image->broker(leader);
      const quorum::NodeEndpoint* endpoint =
          broker == nullptr ? nullptr : broker->endpoint(context_.connection.listener_name);
      if (endpoint != nullptr) out.push_back({leader.value(), endpoint->host, endpoint->port, broker->rack});
    }
  }

 private:
  RequestContext& context_;
  std::set<NodeId> leaders_;
};

}  // namespace weir::broker
