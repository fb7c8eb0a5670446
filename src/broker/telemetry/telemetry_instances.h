// TelemetryInstances: the clients that push their metrics (KIP-714): what each is asked for, and whether it may push
// now. One for each shard, for the instances whose home it is; that shard's loop only. Plain code: time and randomness
// are handed in.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/seams.h"
#include "broker/telemetry/subscription.h"

namespace weir::broker {

// What a client is asked for.
struct TelemetrySubscription {
  int32_t id = 0;  // changes with what is asked for
  std::vector<std::string> metrics;
  std::chrono::milliseconds push_interval{};
};

enum class PushVerdict : uint8_t {
  kAccepted,
  kInvalid,              // the client has said before that it was its last push
  kTooEarly,             // within the push interval
  kUnknownSubscription,  // it is asked for something else by now
  kUnknownCompression,
  kTooLarge,
  kUnreadable,  // what it has pushed could not be understood
};

// A push without its content.
struct TelemetryPush {
  int32_t subscription_id = 0;
  bool is_terminating = false;
  bool is_known_compression = true;
  size_t size_bytes = 0;
};

class TelemetryInstances {
 public:
  // An instance that is not heard of for so long, or for three push intervals, is forgotten.
  static constexpr Duration kIdleMin = seconds(60);

  // At most `instances_max` are known at once, the one that would be forgotten next making room; of a push at most
  // `push_size_max` bytes are taken.
  TelemetryInstances(size_t instances_max, size_t push_size_max)
      : instances_max_(instances_max), push_size_max_(push_size_max) {}

  // What clients are asked for from now on.
  void set_subscriptions(std::vector<ClientMetricsSubscription> subscriptions);
  // Nothing when the client asks again before its push interval has passed.
  std::optional<TelemetrySubscription> subscribe(const ClientAttributes& client, MonotonicTime now);
  PushVerdict push(const ClientAttributes& client, const TelemetryPush& push, MonotonicTime now);
  // The content of a push that was accepted has turned out to be unreadable.
  void note_unreadable(const Uuid& instance_id);
  // Forgets those who are idle; their ids.
  std::vector<Uuid> expire(MonotonicTime now);
  [[nodiscard]] size_t size() const { return instances_.size(); }

 private:
  struct Instance {
    TelemetrySubscription subscription;
    uint64_t version = 0;  // of the subscriptions that it was made from
    std::optional<MonotonicTime> subscribed;
    std::optional<MonotonicTime> pushed;
    bool is_terminating = false;
    PushVerdict last = PushVerdict::kAccepted;
    MonotonicTime expires{};
  };
  Instance& at(const ClientAttributes& client, MonotonicTime now);
  void forget(Uuid id);
  [[nodiscard]] TelemetrySubscription subscription_of(const ClientAttributes& client) const;
  [[nodiscard]] PushVerdict judge(Instance& instance, const TelemetryPush& push, MonotonicTime now) const;

  size_t instances_max_;
  size_t push_size_max_;
  std::vector<ClientMetricsSubscription> subscriptions_;
  uint64_t version_ = 1;
  std::unordered_map<Uuid, Instance> instances_;
  std::set<std::pair<MonotonicTime, Uuid>> by_expiry_;
  std::vector<Uuid> forgotten_;  // since the last expire()
};

}  // namespace weir::broker
