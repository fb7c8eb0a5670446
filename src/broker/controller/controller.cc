#include "broker/controller/controller.h"

#include <utility>

#include "base/check.h"
#include "broker/controller/leadership.h"

namespace weir::broker {
namespace {
// Preferred leaders that are elected by one batch of records: others wait meanwhile.
constexpr size_t kElectionsAtOnceMax = 1000;
}  // namespace

Controller::Controller(ControllerOptions options, const ConfigRules& rules, Random& random)
    : options_(std::move(options)),
      rules_(rules),
      random_(random),
      sessions_(options_.broker_session_timeout),
      mutation_quotas_(options_.quota_windows) {}

Decision<NoReply> Controller::activate(quorum::MetadataImage committed, bool transaction_is_open,
                                       const quorum::MetadataRecords& bootstrap, const DecideContext& context) {
  image_ = std::move(committed);
  sessions_.clear();
  mutation_quotas_.set_table(QuotaTable(image_));
  last_append_ = context.now;
  if (options_.leader_imbalance_check_interval > Duration::zero()) {
    next_balance_ = context.now + options_.leader_imbalance_check_interval;
  }
  for (const auto& [id, broker] : image_.brokers) {
    if (!broker->fenced) sessions_.expect(id, context.now);
  }
  auto decision = image_.features.empty() ? Decision<NoReply>(bootstrap.version()) : no_change<NoReply>();
  if (transaction_is_open) {
    decision.records.add(protocol::AbortTransactionRecord{.reason = "the controller failed over"});
  }
  // Before its first transaction has ended a cluster has no metadata.version.
  if (!image_.features.empty()) return decision;
  const bool in_transaction = bootstrap.version().has_transactions();
  if (in_transaction) decision.records.add(protocol::BeginTransactionRecord{.name = "Bootstrap records"});
  for (size_t i = 0; i < bootstrap.size(); ++i) decision.records.add_encoded(bootstrap[i]);
  if (has_elr(bootstrap)) {
    // Who stays eligible to lead depends on this setting, so it must not depend on each node's file.
    using quorum::ConfigResourceType;
    const auto value = rules_.default_value(ConfigResourceType::kTopic, "min.insync.replicas").value_or("1");
    decision.records.add(protocol::ConfigRecord{.resource_type = static_cast<int8_t>(ConfigResourceType::kBroker),
                                                .resource_name = "",
                                                .name = "min.insync.replicas",
                                                .value = value});
  }
  if (in_transaction) decision.records.add(protocol::EndTransactionRecord{});
  return decision;
}

bool Controller::has_elr(const quorum::MetadataRecords& bootstrap) {
  quorum::MetadataDelta delta{quorum::MetadataImage{}};
  for (size_t i = 0; i < bootstrap.size(); ++i) {
    const auto replayed = delta.replay(bootstrap[i]);
    CHECK(replayed.has_value(), "bootstrap record {}: {}", i, replayed.error().message);
  }
  auto outcome = std::move(delta).finish({});
  CHECK(outcome.has_value(), "{}", outcome.error().message);
  return outcome->image.is_elr_enabled();
}

void Controller::replay(const quorum::MetadataRecords& records, const DecideContext& context) {
  if (records.empty()) return;
  last_append_ = context.now;
  quorum::MetadataDelta delta(image_);
  for (size_t i = 0; i < records.size(); ++i) {
    const auto replayed = delta.replay(records[i]);
    CHECK(replayed.has_value(), "a record that was decided here: {}", replayed.error().message);
  }
  const Offset last = context.next_offset + static_cast<int64_t>(records.size()) - 1;
  auto outcome = std::move(delta).finish({last, image_.provenance.epoch, context.wall});
  CHECK(outcome.has_value(), "records that were decided here: {}", outcome.error().message);
  for (NodeId id : outcome->changes.brokers) {
    const quorum::BrokerImage* broker = outcome->image.broker(id);
    const quorum::BrokerImage* before = image_.broker(id);
    if (broker == nullptr || before == nullptr || before->incarnation_id != broker->incarnation_id) {
      sessions_.remove(id);
    }
    if (broker != nullptr && !broker->fenced) sessions_.expect(id, context.now);
  }
  image_ = std::move(outcome->image);
  if (outcome->changes.client_quotas) mutation_quotas_.set_table(QuotaTable(image_));
}

Decision<NoReply> Controller::broker_ended(NodeId id, BrokerEpoch epoch) {
  auto decision = no_change<NoReply>();
  const quorum::BrokerImage* broker = image_.broker(id);
  if (broker == nullptr || broker->epoch != epoch || broker->fenced) return decision;
  sessions_.remove(id);
  decision.is_divisible = true;
  fence(*broker, decision.records);
  return decision;
}

Decision<NoReply> Controller::tick(const DecideContext& context) {
  auto decision = no_change<NoReply>();
  for (NodeId id : sessions_.expired(context.now)) {
    const quorum::BrokerImage* broker = image_.broker(id);
    if (broker == nullptr || broker->fenced) {
      sessions_.remove(id);
      continue;
    }
    decision.is_divisible = true;
    fence(*broker, decision.records);
    // One at a time: what the fencing of one changes decides about the next. next_tick() is now.
    return decision;
  }
  if (context.now >= next_balance_) {
    const bool is_more = add_preferred_leaders(image_, rules_, kElectionsAtOnceMax, decision.records);
    next_balance_ = is_more ? context.now : context.now + options_.leader_imbalance_check_interval;
    if (!decision.records.empty()) return decision;
  }
  const bool is_idle = context.now >= last_append_ + options_.metadata_max_idle_interval;
  if (options_.metadata_max_idle_interval > Duration::zero() && is_idle) decision.records.add(protocol::NoOpRecord{});
  return decision;
}

MonotonicTime Controller::next_tick() const {
  const MonotonicTime next = std::min(sessions_.next_expiry(), next_balance_);
  if (options_.metadata_max_idle_interval == Duration::zero()) return next;
  return std::min(next, last_append_ + options_.metadata_max_idle_interval);
}

protocol::BrokerRegistrationChangeRecord Controller::change_record(const quorum::BrokerImage& broker) {
  protocol::BrokerRegistrationChangeRecord record;
  record.broker_id = broker.id.value();
  record.broker_epoch = broker.epoch.value();
  return record;
}

void Controller::fence(const quorum::BrokerImage& broker, quorum::MetadataRecords& records) const {
  add_leader_updates(
      image_, rules_, {.leaving = broker.id},
      [&](const quorum::PartitionImage& partition) { return partition.is_in_isr(broker.id); }, records);
  auto change = change_record(broker);
  change.fenced = 1;
  records.add(change);
}

const quorum::BrokerImage* Controller::current_broker(int32_t id, int64_t epoch) const {
  const quorum::BrokerImage* broker = image_.broker(NodeId(id));
  return broker != nullptr && broker->epoch.value() == epoch ? broker : nullptr;
}

}  // namespace weir::broker
