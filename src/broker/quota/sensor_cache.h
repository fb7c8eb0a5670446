// SensorCache: the sensors of those who were limited lately, the one that was used longest ago going first. Owned by
// what measures (a shard's QuotaLedger, the controller's MutationQuotas); its loop only.
#pragma once

#include <list>
#include <string>
#include <tuple>
#include <unordered_map>

#include "base/time.h"
#include "broker/quota/quota_key.h"

namespace weir::broker {

// Whose usage is counted together: a user, a client id, or both. An address is the "user" of kConnection.
struct QuotaKey {
  QuotaKind kind;
  std::string user;
  std::string client_id;
  friend bool operator==(const QuotaKey&, const QuotaKey&) = default;
};

struct QuotaKeyHash {
  size_t operator()(const QuotaKey& key) const noexcept {
    const std::hash<std::string> hash;
    return hash(key.user) * 31 + hash(key.client_id) * 7 + static_cast<size_t>(key.kind);
  }
};

template <class Sensor>
class SensorCache {
 public:
  // Kafka's.
  static constexpr Duration kIdleMax = std::chrono::hours(1);
  // Some 10 MB at most: names are mostly short, and whoever makes up more client ids than that has a limit for each.
  static constexpr size_t kSensorsMax = size_t{1} << 14;

  // The sensor of `key`, a new one if it was not used for kIdleMax or had to make room. Valid until the next call.
  Sensor& at(const QuotaKey& key, MonotonicTime now) {
    while (!entries_.empty() && now - entries_.front().used >= kIdleMax) drop_oldest();
    if (const auto found = index_.find(key); found != index_.end()) {
      entries_.splice(entries_.end(), entries_, found->second);
    } else {
      if (entries_.size() >= kSensorsMax) drop_oldest();
      entries_.push_back({.key = key});
      index_.emplace(key, std::prev(entries_.end()));
    }
    entries_.back().used = now;
    return entries_.back().sensor;
  }
  [[nodiscard]] size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    QuotaKey key;
    Sensor sensor{};
    MonotonicTime used{};
  };
  void drop_oldest() {
    index_.erase(entries_.front().key);
    entries_.pop_front();
  }

  std::list<Entry> entries_;  // the one used last at the end
  std::unordered_map<QuotaKey, typename std::list<Entry>::iterator, QuotaKeyHash> index_;
};

}  // namespace weir::broker
