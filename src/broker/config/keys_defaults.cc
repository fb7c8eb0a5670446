// Which broker settings supply the defaults of topics and groups.
#include "broker/config/config_key.h"

namespace weir::broker::tables {
namespace {

constexpr BrokerDefault kTopicDefaultsTable[] = {
    {"cleanup.policy", "log.cleanup.policy"},
    {"compression.gzip.level", "compression.gzip.level"},
    {"compression.lz4.level", "compression.lz4.level"},
    {"compression.type", "compression.type"},
    {"compression.zstd.level", "compression.zstd.level"},
    {"delete.retention.ms", "log.cleaner.delete.retention.ms"},
    {"file.delete.delay.ms", "log.segment.delete.delay.ms"},
    {"flush.messages", "log.flush.interval.messages"},
    {"flush.ms", "log.flush.interval.ms"},
    {"flush.ms", "log.flush.scheduler.interval.ms"},
    {"index.interval.bytes", "log.index.interval.bytes"},
    {"local.retention.bytes", "log.local.retention.bytes"},
    {"local.retention.ms", "log.local.retention.ms"},
    {"max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"},
    {"max.message.bytes", "message.max.bytes"},
    {"message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms"},
    {"message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms"},
    {"message.timestamp.type", "log.message.timestamp.type"},
    {"min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio"},
    {"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"},
    {"min.insync.replicas", "min.insync.replicas"},
    {"preallocate", "log.preallocate"},
    {"retention.bytes", "log.retention.bytes"},
    {"retention.ms", "log.retention.ms"},
    {"retention.ms", "log.retention.minutes", 60000},
    {"retention.ms", "log.retention.hours", 3600000},
    {"segment.bytes", "log.segment.bytes"},
    {"segment.index.bytes", "log.index.size.max.bytes"},
    {"segment.jitter.ms", "log.roll.jitter.ms"},
    {"segment.jitter.ms", "log.roll.jitter.hours", 3600000},
    {"segment.ms", "log.roll.ms"},
    {"segment.ms", "log.roll.hours", 3600000},
    {"unclean.leader.election.enable", "unclean.leader.election.enable"},
};

constexpr BrokerDefault kGroupDefaultsTable[] = {
    {"consumer.assignment.interval.ms", "group.consumer.assignment.interval.ms"},
    {"consumer.heartbeat.interval.ms", "group.consumer.heartbeat.interval.ms"},
    {"consumer.session.timeout.ms", "group.consumer.session.timeout.ms"},
    {"share.assignment.interval.ms", "group.share.assignment.interval.ms"},
    {"share.delivery.count.limit", "group.share.delivery.count.limit"},
    {"share.heartbeat.interval.ms", "group.share.heartbeat.interval.ms"},
    {"share.partition.max.record.locks", "group.share.partition.max.record.locks"},
    {"share.record.lock.duration.ms", "group.share.record.lock.duration.ms"},
    {"share.session.timeout.ms", "group.share.session.timeout.ms"},
    {"streams.assignment.interval.ms", "group.streams.assignment.interval.ms"},
    {"streams.heartbeat.interval.ms", "group.streams.heartbeat.interval.ms"},
    {"streams.initial.rebalance.delay.ms", "group.streams.initial.rebalance.delay.ms"},
    {"streams.num.standby.replicas", "group.streams.num.standby.replicas"},
    {"streams.session.timeout.ms", "group.streams.session.timeout.ms"},
};

}  // namespace

const std::span<const BrokerDefault> kTopicDefaults = kTopicDefaultsTable;
const std::span<const BrokerDefault> kGroupDefaults = kGroupDefaultsTable;

}  // namespace weir::broker::tables
