// How the leader of a classic group shares out the partitions: Kafka's range, roundrobin and cooperative-sticky, by the
// same rules, so that members with other clients may lead. Plain functions; any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "weir/record.h"

namespace weir::client {

// What a member told about itself when it joined.
struct MemberSubscription {
  std::string member;
  std::string instance;  // empty: dynamic
  std::vector<std::string> topics;
  std::vector<TopicPartition> owned;
  int32_t generation = -1;  // of `owned`
};

using Assignments = std::map<std::string, std::vector<TopicPartition>>;  // by member
using PartitionCounts = std::map<std::string, int32_t>;                  // by topic; topics that exist only

class Assignor {
 public:
  virtual ~Assignor() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  // Whether members keep reading through a rebalance, and give up only what is taken from them.
  [[nodiscard]] virtual bool is_cooperative() const { return false; }
  [[nodiscard]] virtual Assignments assign(std::vector<MemberSubscription> members,
                                           const PartitionCounts& partitions) const = 0;
};

// Null for a name that is none of the three.
const Assignor* find_assignor(std::string_view name);

// The forms in which subscriptions and assignments travel (ConsumerProtocolSubscription, ConsumerProtocolAssignment
// behind their version). kCorrupt.
ByteVector encode_subscription(const MemberSubscription& subscription);
Result<MemberSubscription> decode_subscription(std::string_view member, std::string_view instance, ByteView bytes);
ByteVector encode_assignment(const std::vector<TopicPartition>& partitions);
// No bytes mean no partitions.
Result<std::vector<TopicPartition>> decode_assignment(ByteView bytes);

}  // namespace weir::client
