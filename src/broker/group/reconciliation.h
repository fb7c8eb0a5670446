// How a member of a consumer group gets from what it has to what it is to have: it gives up first what the target gives
// to others, then takes up the target's epoch with what is free, and gets the rest as others give it up. So no two
// members have one partition at a time. Pure functions; any thread.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "broker/group/consumer_group.h"

namespace weir::broker {

struct ReconcileInput {
  int32_t target_epoch;
  const PartitionSets& target;
  std::set<Uuid> subscribed;  // the ids of the topics that the member reads and that exist
  // The member's subscription has changed with this request: what it does not read any more is taken from it at once.
  bool subscription_changed = false;
  // What the member says it owns; null when it did not say.
  const PartitionSets* owned = nullptr;
};

// The member's next step, the present one if there is none; nothing for a member whose state a later version wrote and
// which has to give up everything first.
std::optional<ConsumerProgress> reconcile(const ConsumerGroup& group, const ConsumerMember& member,
                                          const ReconcileInput& input);

}  // namespace weir::broker
