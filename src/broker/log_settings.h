// From a topic's settings to those of its logs. A plain function; any thread.
#pragma once

#include "broker/config/topic_config.h"
#include "storage/log_config.h"

namespace weir::broker {

// `producer_id_expiration_ms` is the broker's (producer.id.expiration.ms). `jitter_share` in [0, 1): this partition's
// share of segment.jitter.ms, so that the partitions of a topic do not all roll at once.
storage::LogConfig to_log_config(const TopicConfig& topic, int64_t producer_id_expiration_ms, double jitter_share);

}  // namespace weir::broker
