// Settings of a group, and of a subscription to client metrics.
#include "broker/config/config_key.h"
#include "broker/config/notes.h"

namespace weir::broker::tables {
namespace {

using enum ConfigType;
using enum Importance;
using enum Update;
using enum Support;

constexpr ConfigKey kGroupKeysTable[] = {
    {"consumer.assignment.interval.ms", kInt, "1000", at_least(0), kMedium, kResource, kWorks,
     "How long after an assignment of the group the next one is made at the earliest."},
    {"consumer.heartbeat.interval.ms", kInt, "5000", at_least(1), kMedium, kResource, kWorks,
     "How often the members are told to send heartbeats."},
    {"consumer.session.timeout.ms", kInt, "45000", at_least(1), kMedium, kResource, kWorks,
     "How long a member may be silent."},
    {"share.assignment.interval.ms", kInt, "1000", at_least(0), kMedium, kResource, kNotBuilt, kShareGroups},
    {"share.auto.offset.reset", kString, "latest", offset_reset(), kMedium, kResource, kNotBuilt, kShareGroups},
    {"share.delivery.count.limit", kInt, "5", at_least(2), kMedium, kResource, kNotBuilt, kShareGroups},
    {"share.heartbeat.interval.ms", kInt, "5000", at_least(1), kMedium, kResource, kNotBuilt, kShareGroups},
    {"share.isolation.level", kString, "read_uncommitted", one_of("read_committed, read_uncommitted"), kMedium,
     kResource, kNotBuilt, kShareGroups},
    {"share.partition.max.record.locks", kInt, "2000", at_least(100), kMedium, kResource, kNotBuilt, kShareGroups},
    {"share.record.lock.duration.ms", kInt, "30000", at_least(1000), kMedium, kResource, kNotBuilt, kShareGroups},
    {"share.renew.acknowledge.enable", kBoolean, "true", any_value(), kMedium, kResource, kNotBuilt, kShareGroups},
    {"share.session.timeout.ms", kInt, "45000", at_least(1), kMedium, kResource, kNotBuilt, kShareGroups},
    {"streams.assignment.interval.ms", kInt, "1000", at_least(0), kMedium, kResource, kNotBuilt, kStreamsGroups},
    {"streams.heartbeat.interval.ms", kInt, "5000", at_least(1), kMedium, kResource, kNotBuilt, kStreamsGroups},
    {"streams.initial.rebalance.delay.ms", kInt, "3000", at_least(0), kMedium, kResource, kNotBuilt, kStreamsGroups},
    {"streams.num.standby.replicas", kInt, "0", at_least(0), kMedium, kResource, kNotBuilt, kStreamsGroups},
    {"streams.session.timeout.ms", kInt, "45000", at_least(1), kMedium, kResource, kNotBuilt, kStreamsGroups},
};

constexpr ConfigKey kClientMetricsKeysTable[] = {
    {"interval.ms", kInt, "300000", any_value(), kMedium, kResource, kWorks,
     "How often clients push; from 100 to 3600000."},
    {"match", kList, "", any_value(), kMedium, kResource, kWorks,
     "Which clients, as ATTRIBUTE=EXPRESSION,...; all must match, and nothing matches every client. Attributes are "
     "client_instance_id, client_id, client_software_name, client_software_version, client_source_address and "
     "client_source_port; expressions are those of RE2."},
    {"metrics", kList, "", any_value(), kMedium, kResource, kWorks,
     "Prefixes of the names of the metrics that clients push; * for all."},
};

}  // namespace

const std::span<const ConfigKey> kGroupKeys = kGroupKeysTable;
const std::span<const ConfigKey> kClientMetricsKeys = kClientMetricsKeysTable;

}  // namespace weir::broker::tables
