// Settings of transactions and of producer ids.
#include "broker/config/config_key.h"
#include "broker/config/notes.h"

namespace weir::broker::tables {
namespace {

using enum ConfigType;
using enum Importance;
using enum Update;
using enum Support;

constexpr ConfigKey kTransactionKeysTable[] = {
    {"add.partitions.to.txn.retry.backoff.max.ms", kInt, "100", at_least(0), kHigh, kReadOnly, kNotBuilt,
     kTransactions},
    {"add.partitions.to.txn.retry.backoff.ms", kInt, "20", at_least(1), kHigh, kReadOnly, kNotBuilt, kTransactions},
    {"producer.id.expiration.check.interval.ms", kInt, "600000", at_least(1), kLow, kReadOnly, kWorks,
     "How often idle producer ids are looked for.", true},
    {"producer.id.expiration.ms", kInt, "86400000", at_least(1), kLow, kClusterWide, kWorks,
     "How long the state of an idle idempotent producer is kept."},
    {"transaction.abort.timed.out.transaction.cleanup.interval.ms", kInt, "10000", at_least(1), kLow, kReadOnly,
     kNotBuilt, kTransactions},
    {"transaction.max.timeout.ms", kInt, "900000", at_least(1), kHigh, kReadOnly, kNotBuilt, kTransactions},
    {"transaction.partition.verification.enable", kBoolean, "true", any_value(), kLow, kClusterWide, kNotBuilt,
     kTransactions},
    {"transaction.remove.expired.transaction.cleanup.interval.ms", kInt, "3600000", at_least(1), kLow, kReadOnly,
     kNotBuilt, kTransactions},
    {"transaction.state.log.load.buffer.size", kInt, "5242880", at_least(1), kHigh, kReadOnly, kNotBuilt,
     kTransactions},
    {"transaction.state.log.min.isr", kInt, "2", at_least(1), kHigh, kReadOnly, kNotBuilt, kTransactions},
    {"transaction.state.log.num.partitions", kInt, "50", at_least(1), kHigh, kReadOnly, kNotBuilt, kTransactions},
    {"transaction.state.log.replication.factor", kShort, "3", at_least(1), kHigh, kReadOnly, kNotBuilt, kTransactions},
    {"transaction.state.log.segment.bytes", kInt, "104857600", at_least(1), kHigh, kReadOnly, kNotBuilt, kTransactions},
    {"transaction.two.phase.commit.enable", kBoolean, "false", any_value(), kLow, kReadOnly, kNotBuilt, kTransactions},
    {"transactional.id.expiration.ms", kInt, "604800000", at_least(1), kHigh, kReadOnly, kNotBuilt, kTransactions},
};

}  // namespace

const std::span<const ConfigKey> kTransactionKeys = kTransactionKeysTable;

}  // namespace weir::broker::tables
