#include "broker/telemetry/subscription.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::broker {
namespace {

constexpr int64_t kIntervalMinMs = 100;
constexpr int64_t kIntervalMaxMs = 3'600'000;

// Of one compiled expression; far more than any that people write.
constexpr int64_t kPatternMemoryMax = int64_t{1} << 20;

std::unexpected<Error> invalid(std::string message) { return fail(Errc::kInvalidArgument, std::move(message)); }

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

const std::string* ClientAttributes::find(std::string_view name) const {
  if (name == "client_id") return &client_id;
  if (name == "client_software_name") return &software_name;
  if (name == "client_software_version") return &software_version;
  if (name == "client_source_address") return &source_address;
  if (name == "client_source_port") return &source_port;
  return nullptr;
}

Result<ClientMetricsSubscription> ClientMetricsSubscription::make(const ConfigMap& settings) {
  ClientMetricsSubscription made;
  for (const auto& [name, value] : settings) {
    if (name == "metrics") {
      made.metrics_ = parse_list(value);
    } else if (name == "interval.ms") {
      const auto interval = parse_integer(value, kIntervalMinMs, kIntervalMaxMs);
      if (!interval) {
        return invalid(fmt::format("Invalid value {} for interval.ms, interval must be between {} and {} (1 hour)",
                                   value, kIntervalMinMs, kIntervalMaxMs));
      }
      made.interval_ = std::chrono::milliseconds(*interval);
    } else if (name == "match") {
      for (const std::string& item : parse_list(value)) {
        const size_t equals = item.find('=');
        const std::string_view attribute = trimmed(std::string_view(item).substr(0, equals));
        const bool known = attribute == "client_instance_id" || ClientAttributes{}.find(attribute) != nullptr;
        if (equals == std::string::npos || !known || item.find('=', equals + 1) != std::string::npos) {
          return invalid(fmt::format("Illegal client matching pattern: {}", item));
        }
        re2::RE2::Options options(re2::RE2::Quiet);
        options.set_max_mem(kPatternMemoryMax);
        auto pattern =
            std::make_shared<const re2::RE2>(std::string(trimmed(std::string_view(item).substr(equals + 1))), options);
        if (!pattern->ok()) return invalid(fmt::format("Illegal client matching pattern: {}", item));
        made.patterns_[std::string(attribute)] = std::move(pattern);
      }
    } else {
      return invalid(fmt::format("Unknown client metrics configuration: {}", name));
    }
  }
  return made;
}

bool ClientMetricsSubscription::matches(const ClientAttributes& client) const {
  return std::ranges::all_of(patterns_, [&](const auto& one) {
    const auto& [attribute, pattern] = one;
    const std::string* value = client.find(attribute);
    return re2::RE2::FullMatch(value != nullptr ? *value : client.instance_id.to_string(), *pattern);
  });
}

}  // namespace weir::broker
