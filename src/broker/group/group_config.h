// GroupConfig: the settings of a group coordinator, named after Kafka's keys. A plain value, copied into each
// coordinator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace weir::broker {

struct GroupConfig {
  milliseconds initial_rebalance_delay{3000};  // group.initial.rebalance.delay.ms
  int32_t session_timeout_min_ms = 6000;       // group.min.session.timeout.ms
  int32_t session_timeout_max_ms = 1'800'000;  // group.max.session.timeout.ms
  int32_t group_size_max = INT32_MAX;          // group.max.size
  int32_t offset_metadata_size_max = 4096;     // offset.metadata.max.bytes, in UTF-16 units as Kafka counts
  // Of groups of the consumer protocol: group.consumer.*. The bounds hold for what a group sets for itself.
  int32_t consumer_group_size_max = INT32_MAX;                         // max.size
  std::vector<std::string> consumer_assignors = {"uniform", "range"};  // assignors, the default first
  int32_t consumer_session_timeout_min_ms = 45'000;                    // min.session.timeout.ms
  int32_t consumer_session_timeout_max_ms = 60'000;                    // max.session.timeout.ms
  int32_t consumer_heartbeat_interval_min_ms = 5000;                   // min.heartbeat.interval.ms
  int32_t consumer_heartbeat_interval_max_ms = 15'000;                 // max.heartbeat.interval.ms
  int32_t consumer_assignment_interval_min_ms = 0;                     // min.assignment.interval.ms
  int32_t consumer_assignment_interval_max_ms = 15'000;                // max.assignment.interval.ms
  milliseconds consumer_regex_refresh_interval{600'000};               // regex.refresh.interval.ms
  bool consumer_upgrade = true;                                        // migration.policy: upgrade or bidirectional
  bool consumer_downgrade = true;                                      // migration.policy: downgrade or bidirectional
  milliseconds offsets_retention{7LL * 24 * 3600'000};                 // offsets.retention.minutes
  milliseconds offsets_check_interval{600'000};                        // offsets.retention.check.interval.ms
  milliseconds commit_timeout{5000};                                   // offsets.commit.timeout.ms
  // A new member that nobody waits for any more is dropped from a rebalance after this time.
  milliseconds new_member_timeout{300'000};
  // Ids given out with MEMBER_ID_REQUIRED that have not come back yet, for each group: a client that keeps asking
  // without an id would otherwise fill the memory within one session timeout.
  size_t pending_members_max = 10'000;
  // About what groups and offsets of one coordinator may take; beyond it new members and new offsets are refused.
  size_t memory_max_bytes = size_t{1} << 30;
};

}  // namespace weir::broker
