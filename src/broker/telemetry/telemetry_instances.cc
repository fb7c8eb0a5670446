#include "broker/telemetry/telemetry_instances.h"

#include <algorithm>

#include "protocol/crc32c.h"

namespace weir::broker {

void TelemetryInstances::set_subscriptions(std::vector<ClientMetricsSubscription> subscriptions) {
  subscriptions_ = std::move(subscriptions);
  ++version_;
}

TelemetrySubscription TelemetryInstances::subscription_of(const ClientAttributes& client) const {
  TelemetrySubscription subscription{.push_interval = ClientMetricsSubscription::kDefaultInterval};
  std::set<std::string> metrics;
  for (const ClientMetricsSubscription& one : subscriptions_) {
    if (!one.matches(client)) continue;
    metrics.insert(one.metrics().begin(), one.metrics().end());
    subscription.push_interval = std::min(subscription.push_interval, one.interval());
  }
  if (metrics.contains("*")) metrics = {"*"};
  subscription.metrics.assign(metrics.begin(), metrics.end());
  // As in Kafka: the same for the same client and the same metrics, on every broker and after a restart.
  std::string text;
  for (const std::string& metric : subscription.metrics) text += metric + ",";
  text += std::to_string(subscription.push_interval.count());
  const auto mixed = static_cast<uint32_t>(client.instance_id.high() ^ client.instance_id.low());
  subscription.id = static_cast<int32_t>(protocol::crc32c(as_bytes(text)) ^ mixed);
  return subscription;
}

TelemetryInstances::Instance& TelemetryInstances::at(const ClientAttributes& client, MonotonicTime now) {
  auto found = instances_.find(client.instance_id);
  if (found == instances_.end()) {
    if (instances_.size() >= instances_max_) forget(by_expiry_.begin()->second);
    found = instances_.emplace(client.instance_id, Instance{}).first;
  } else {
    by_expiry_.erase({found->second.expires, client.instance_id});
  }
  Instance& instance = found->second;
  if (instance.version < version_) {
    // With new subscriptions a client may begin anew at once.
    const bool was_terminating = instance.is_terminating;
    instance = {.subscription = subscription_of(client), .version = version_, .is_terminating = was_terminating};
  }
  instance.expires = now + std::max<Duration>(kIdleMin, 3 * instance.subscription.push_interval);
  by_expiry_.emplace(instance.expires, client.instance_id);
  return instance;
}

// By value: callers name the element that goes.
void TelemetryInstances::forget(Uuid id) {
  by_expiry_.erase({instances_.at(id).expires, id});
  instances_.erase(id);
  forgotten_.push_back(id);
}

std::optional<TelemetrySubscription> TelemetryInstances::subscribe(const ClientAttributes& client, MonotonicTime now) {
  Instance& instance = at(client, now);
  const auto is_recent = [&](const std::optional<MonotonicTime>& time) {
    return time && now - *time < instance.subscription.push_interval;
  };
  // After these it is right to ask what is wanted instead.
  const bool was_told_to =
      instance.last == PushVerdict::kUnknownSubscription || instance.last == PushVerdict::kUnknownCompression;
  if ((is_recent(instance.subscribed) || is_recent(instance.pushed)) && !was_told_to) return std::nullopt;
  instance.subscribed = now;
  instance.pushed.reset();
  instance.last = PushVerdict::kAccepted;
  return instance.subscription;
}

PushVerdict TelemetryInstances::push(const ClientAttributes& client, const TelemetryPush& push, MonotonicTime now) {
  Instance& instance = at(client, now);
  instance.last = judge(instance, push, now);
  instance.is_terminating |= push.is_terminating;
  return instance.last;
}

PushVerdict TelemetryInstances::judge(Instance& instance, const TelemetryPush& push, MonotonicTime now) const {
  if (instance.is_terminating) return PushVerdict::kInvalid;
  // Clients push at once after they have subscribed, since they spread their pushes over the interval; and at their
  // end.
  const bool is_due = !instance.pushed || now - *instance.pushed >= instance.subscription.push_interval;
  if (!is_due && !push.is_terminating) return PushVerdict::kTooEarly;
  if (is_due) instance.pushed = now;
  if (push.subscription_id != instance.subscription.id) return PushVerdict::kUnknownSubscription;
  if (!push.is_known_compression) return PushVerdict::kUnknownCompression;
  if (push.size_bytes > push_size_max_) return PushVerdict::kTooLarge;
  return PushVerdict::kAccepted;
}

void TelemetryInstances::note_unreadable(const Uuid& instance_id) {
  if (const auto found = instances_.find(instance_id); found != instances_.end())
    found->second.last = PushVerdict::kUnreadable;
}

std::vector<Uuid> TelemetryInstances::expire(MonotonicTime now) {
  while (!by_expiry_.empty() && by_expiry_.begin()->first <= now) forget(by_expiry_.begin()->second);
  return std::exchange(forgotten_, {});
}

}  // namespace weir::broker
