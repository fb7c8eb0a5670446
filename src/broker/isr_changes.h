// IsrChanges: asks the controller for the ISRs that leaders on this node want (AlterPartition), and tells them when it
// refuses. Lives on the first loop.
#pragma once

#include <unordered_map>
#include <vector>

#include "base/loop.h"
#include "base/task.h"
#include "broker/node_context.h"
#include "broker/partition/replication_state.h"
#include "broker/partition_key.h"
#include "protocol/messages/alter_partition_request.h"
#include "protocol/messages/alter_partition_response.h"

namespace weir::broker {

struct IsrChange {
  PartitionKey partition;
  LeaderEpoch leader_epoch;
  quorum::PartitionEpoch partition_epoch;
  std::vector<IsrMember> isr;
};

class IsrChanges {
 public:
  IsrChanges(NodeContext& node, Loop& loop) : node_(node), loop_(loop) {}

  // Any loop. One for a partition at a time: the later one replaces what waits.
  void ask(IsrChange change);
  // Nothing is asked for any more. On the first loop.
  void stop();

 private:
  using Changes = std::unordered_map<PartitionKey, IsrChange, PartitionKeyHash>;

  Task<void> send_all();
  // Sends what waits; false when it must be sent again later.
  Task<bool> send_waiting();
  static protocol::AlterPartitionRequest request_of(const Changes& changes);
  // Tells the partitions whose change was refused, and puts back what must be asked again; false when there is any.
  bool take_answer(Changes changes, const protocol::AlterPartitionResponse& response);
  void refuse(const IsrChange& change);

  NodeContext& node_;
  Loop& loop_;
  Changes waiting_;  // at most one for each partition that this node leads
  bool sending_ = false;
  bool stopped_ = false;
};

}  // namespace weir::broker
