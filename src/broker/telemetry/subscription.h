// ClientMetricsSubscription: which metrics the clients that match it are asked for, and how often: a resource of the
// type CLIENT_METRICS. A plain value, made of its settings; any thread.
#pragma once

#include <re2/re2.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "broker/config/config_value.h"

namespace weir::broker {

// What a client tells of itself; a subscription may ask for any of it.
struct ClientAttributes {
  Uuid instance_id;
  std::string client_id;
  std::string software_name;
  std::string software_version;
  std::string source_address;
  std::string source_port;

  // By the name that it has in `match`; nullptr when there is no such attribute.
  [[nodiscard]] const std::string* find(std::string_view name) const;
};

class ClientMetricsSubscription {
 public:
  static constexpr std::chrono::milliseconds kDefaultInterval{300'000};

  // kInvalidArgument says which setting is wrong: INVALID_CONFIG, or for what is none of the settings and an interval
  // out of range INVALID_REQUEST in Kafka; here always the former.
  static Result<ClientMetricsSubscription> make(const ConfigMap& settings);

  [[nodiscard]] bool matches(const ClientAttributes& client) const;
  // Prefixes of names; "*" for all.
  [[nodiscard]] const std::vector<std::string>& metrics() const { return metrics_; }
  [[nodiscard]] std::chrono::milliseconds interval() const { return interval_; }

 private:
  std::vector<std::string> metrics_;
  std::chrono::milliseconds interval_ = kDefaultInterval;
  // By attribute. Regular expressions of a kind that takes time in proportion to the text, whatever they say.
  std::map<std::string, std::shared_ptr<const re2::RE2>> patterns_;
};

}  // namespace weir::broker
