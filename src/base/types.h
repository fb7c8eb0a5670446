// The quantities of a commit log, each a type of its own.
#pragma once

#include <cstdint>

#include "base/strong.h"

namespace weir {

using Offset = Strong<struct OffsetTag, int64_t>;                  // of a record in a partition; -1 none
using LeaderEpoch = Strong<struct LeaderEpochTag, int32_t>;        // of a partition or a quorum; -1 none
using PartitionIndex = Strong<struct PartitionIndexTag, int32_t>;  // within its topic, from 0
using NodeId = Strong<struct NodeIdTag, int32_t>;                  // broker or controller; -1 none
using BrokerEpoch = Strong<struct BrokerEpochTag, int64_t>;        // of a broker's registration; -1 none
using ProducerId = Strong<struct ProducerIdTag, int64_t>;          // -1 none
using ProducerEpoch = Strong<struct ProducerEpochTag, int16_t>;    // -1 none
using FilePosition = Strong<struct FilePositionTag, int64_t>;      // bytes from the start of a file
using Timestamp = Strong<struct TimestampTag, int64_t>;            // milliseconds since 1970-01-01 UTC; -1 none
using ShardId = Strong<struct ShardIdTag, uint32_t>;               // index of a loop thread, from 0

inline constexpr Offset kNoOffset{-1};
inline constexpr LeaderEpoch kNoLeaderEpoch{-1};
inline constexpr NodeId kNoNode{-1};
inline constexpr ProducerId kNoProducerId{-1};
inline constexpr ProducerEpoch kNoProducerEpoch{-1};
inline constexpr Timestamp kNoTimestamp{-1};

}  // namespace weir
