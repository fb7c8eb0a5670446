// Settings of listeners, connections and requests.
#include "broker/config/config_key.h"
#include "broker/config/notes.h"

namespace weir::broker::tables {
namespace {

using enum ConfigType;
using enum Importance;
using enum Update;
using enum Support;

constexpr ConfigKey kNetworkKeysTable[] = {
    {"advertised.listeners", kList, nullptr, any_value(), kHigh, kReadOnly, kWorks,
     "What clients are told to connect to, for each listener; by default the listeners themselves."},
    {"background.threads", kInt, "10", at_least(1), kHigh, kClusterWide, kNoMeaning,
     "Background work has the disk threads (weir.disk.threads)."},
    {"connections.max.idle.ms", kLong, "600000", any_value(), kMedium, kReadOnly, kWorks,
     "A connection without a request for so long is closed."},
    {"delete.records.purgatory.purge.interval.requests", kInt, "1", any_value(), kMedium, kReadOnly, kNoMeaning,
     kPurgatory},
    {"early.start.listeners", kList, nullptr, any_value(), kHigh, kReadOnly, kNoMeaning,
     "A node is ready within milliseconds; all listeners open together."},
    {"fetch.max.bytes", kInt, "57671680", at_least(1024), kMedium, kReadOnly, kWorks,
     "The most bytes of records in one answer to a fetch, over what the client asks."},
    {"fetch.purgatory.purge.interval.requests", kInt, "1000", any_value(), kMedium, kReadOnly, kNoMeaning, kPurgatory},
    {"inter.broker.listener.name", kString, nullptr, any_value(), kMedium, kReadOnly, kWorks,
     "The listener at which this broker fetches from the others: one of the advertised ones, on all of them."},
    {"listener.security.protocol.map", kString,
     "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", any_value(), kLow, kPerBroker,
     kWorks, "The protocol of each listener name. Read at start."},
    {"listeners", kList, "PLAINTEXT://:9092", any_value(), kHigh, kPerBroker, kWorks,
     "Where the node listens, as NAME://HOST:PORT,...; no host means every address. Read at start."},
    {"max.connection.creation.rate", kInt, "2147483647", at_least(0), kMedium, kClusterWide, kNotBuilt, kQuotas},
    {"max.connections", kInt, "2147483647", at_least(0), kMedium, kClusterWide, kWorks,
     "The most connections at once, of each listener; further ones wait until one of them is closed."},
    {"max.connections.per.ip", kInt, "2147483647", at_least(0), kMedium, kClusterWide, kWorks,
     "The most connections at once from one address, of each listener; further ones are closed."},
    {"max.connections.per.ip.overrides", kString, "", any_value(), kMedium, kClusterWide, kWorks,
     "Other limits for some addresses, as ADDRESS:COUNT,..."},
    {"max.incremental.fetch.session.cache.slots", kInt, "1000", at_least(0), kMedium, kReadOnly, kWorks,
     "The most fetch sessions kept at once."},
    {"max.request.partition.size.limit", kInt, "2000", at_least(1), kMedium, kReadOnly, kWorks,
     "The most partitions in one answer to DescribeTopicPartitions."},
    {"num.io.threads", kInt, "8", at_least(1), kHigh, kClusterWide, kNoMeaning, kThreads},
    {"num.network.threads", kInt, "3", at_least(1), kHigh, kClusterWide, kNoMeaning, kThreads},
    {"producer.purgatory.purge.interval.requests", kInt, "1000", any_value(), kMedium, kReadOnly, kNoMeaning,
     kPurgatory},
    {"queued.max.request.bytes", kLong, "-1", any_value(), kMedium, kReadOnly, kNoMeaning,
     "A shard takes the next request of a connection when the one before is answered; memory is bounded by the buffer "
     "pool."},
    {"queued.max.requests", kInt, "500", at_least(1), kHigh, kReadOnly, kNoMeaning,
     "A shard takes the next request of a connection when the one before is answered; there is no queue."},
    {"quota.window.num", kInt, "11", at_least(1), kLow, kReadOnly, kWorks,
     "Over how many windows usage is measured, for quotas of bytes, of time and of connections."},
    {"quota.window.size.seconds", kInt, "1", at_least(1), kLow, kReadOnly, kWorks, "How long each of them is."},
    {"request.timeout.ms", kInt, "30000", any_value(), kHigh, kReadOnly, kNotBuilt, kReplication},
    {"socket.connection.setup.timeout.max.ms", kLong, "30000", any_value(), kMedium, kReadOnly, kNotBuilt,
     kReplication},
    {"socket.connection.setup.timeout.ms", kLong, "10000", any_value(), kMedium, kReadOnly, kNotBuilt, kReplication},
    {"socket.listen.backlog.size", kInt, "50", at_least(1), kMedium, kReadOnly, kNoMeaning,
     "4096 connections wait to be accepted, or as many as net.core.somaxconn allows."},
    {"socket.receive.buffer.bytes", kInt, "102400", any_value(), kHigh, kReadOnly, kNoMeaning,
     "The kernel sizes the buffers of each connection (net.ipv4.tcp_rmem); a fixed size would only be a limit."},
    {"socket.request.max.bytes", kInt, "104857600", at_least(1), kHigh, kReadOnly, kWorks,
     "The largest request; a connection that announces a larger one is closed."},
    {"socket.send.buffer.bytes", kInt, "102400", any_value(), kHigh, kReadOnly, kNoMeaning,
     "The kernel sizes the buffers of each connection (net.ipv4.tcp_wmem); a fixed size would only be a limit."},
    {"weir.balancer.broker.failure.ms", kLong, "3600000", between(-1, 31536000000), kMedium, kClusterWide, kWorks,
     "A broker that is fenced for so long does not come back, and its replicas are made anew on others; -1: it always "
     "comes back."},
    {"weir.balancer.enable", kBoolean, "false", any_value(), kMedium, kClusterWide, kWorks,
     "Whether the active controller moves replicas and leaders to where disk, leaders and traffic are balanced, and "
     "off "
     "brokers that leave."},
    {"weir.balancer.interval.ms", kLong, "30000", between(100, 86400000), kLow, kClusterWide, kWorks,
     "How often the balancer asks the brokers for the sizes of their logs."},
    {"weir.balancer.moves.max", kInt, "5", between(1, 1000), kMedium, kClusterWide, kWorks,
     "Partitions of which the balancer moves replicas at the same time."},
    {"weir.balancer.threshold.percent", kInt, "10", between(1, 1000), kMedium, kClusterWide, kWorks,
     "By how much of the mean a broker must have more or less than its share before the balancer begins."},
    {"weir.balancer.throttle.bytes.per.second", kLong, "52428800", at_least(1), kMedium, kClusterWide, kWorks,
     "How fast each broker sends, and receives, what the balancer moves."},
    {"weir.http.listener", kString, "127.0.0.1:9644", any_value(), kMedium, kReadOnly, kWorks,
     "Where /metrics, /livez and /readyz are served, as HOST:PORT; empty: nowhere."},
    {"weir.metrics.group.lag.max", kInt, "1000", at_least(0), kMedium, kReadOnly, kWorks,
     "Pairs of a group and a topic whose lag is on /metrics, those that are furthest behind; 0: none."},
    {"weir.telemetry.otlp.endpoint", kString, "", any_value(), kMedium, kReadOnly, kWorks,
     "Where metrics that clients push are sent on to, as http://HOST:PORT/PATH (OTLP over HTTP; a collector has "
     "/v1/metrics); empty: nowhere."},
    {"weir.threads", kInt, "0", at_least(0), kMedium, kReadOnly, kWorks, "Loop threads; 0: one for each core."},
};

}  // namespace

const std::span<const ConfigKey> kNetworkKeys = kNetworkKeysTable;

}  // namespace weir::broker::tables
