// Where the replicas of new partitions go: leaders in turn over the active brokers, replicas of one partition over as
// many racks as there are, active brokers before fenced ones. Owned by one decision; plain.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/seams.h"
#include "base/types.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

// Nothing new goes to a broker all of whose log directories are cordoned.
[[nodiscard]] bool takes_replicas(const quorum::BrokerImage& broker);

class Placement {
 public:
  // Starts at a random place, so that topics of one partition do not all go to the same broker.
  Placement(const quorum::MetadataImage& image, Random& random);

  // Whether partitions of so many replicas can be placed. kInvalidArgument says why not: the answer is
  // INVALID_REPLICATION_FACTOR.
  [[nodiscard]] Result<> check(int16_t replication_factor) const;
  // The replicas of the next partition, its leader-to-be first; check() has passed.
  std::vector<NodeId> next(int16_t replication_factor);

 private:
  struct Rack {
    std::vector<NodeId> active;
    std::vector<NodeId> fenced;
    size_t turn = 0;  // where the next partition begins
  };
  void shuffle();

  Random& random_;
  std::vector<Rack> racks_;
  size_t active_count_ = 0;
  size_t fenced_count_ = 0;
  size_t first_rack_ = 0;
  size_t placed_ = 0;
};

}  // namespace weir::broker
