// DirectoryAssignments: tells the controller in which directory each replica of this node lives
// (AssignReplicasToDirs), until it knows. Lives on the first loop.
#pragma once

#include <unordered_map>

#include "base/loop.h"
#include "base/task.h"
#include "base/uuid.h"
#include "broker/node_context.h"
#include "broker/partition_key.h"
#include "protocol/messages/assign_replicas_to_dirs_request.h"
#include "protocol/messages/assign_replicas_to_dirs_response.h"

namespace weir::broker {

class DirectoryAssignments {
 public:
  // As many as Kafka puts into one request.
  static constexpr size_t kPerRequestMax = 2250;

  DirectoryAssignments(NodeContext& node, Loop& loop) : node_(node), loop_(loop) {}

  // Any loop. Of two for one replica the later one holds.
  void assign(PartitionKey replica, const Uuid& directory);
  // First loop. What the controller has not been told of yet.
  [[nodiscard]] size_t waiting() const { return waiting_.size(); }

 private:
  using Assignments = std::unordered_map<PartitionKey, Uuid, PartitionKeyHash>;

  Task<void> send_all();
  // Sends some of those that wait and takes them off; false when they must be sent again later.
  Task<bool> send_some();
  Assignments take_some();
  static protocol::AssignReplicasToDirsRequest request_of(const Assignments& some);
  // Puts back what was refused for now. False when there is any.
  bool put_back(const Assignments& some, const protocol::AssignReplicasToDirsResponse& response);

  NodeContext& node_;
  Loop& loop_;
  Assignments waiting_;  // at most one for each replica of this node
  bool sending_ = false;
};

}  // namespace weir::broker
