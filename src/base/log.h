// Logging: one event a line on standard error, with time, level, shard, component, message and key=value pairs, as text
// or as JSON. Any thread; a line is written whole. Logging is for people: nothing on a path that runs per request or
// per record logs.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace weir {

class Clock;

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError, kNothing };  // kNothing: of no event, only to drop all
enum class LogFormat : uint8_t { kText, kJson };

struct LogField {
  std::string_view key;
  std::string value;
};

template <class T>
LogField kv(std::string_view key, const T& value) {
  if constexpr (requires { value.to_string(); }) {
    return {key, value.to_string()};
  } else if constexpr (requires {
                         value.value();
                         typename T::rep;
                       }) {
    return {key, fmt::to_string(value.value())};
  } else {
    return {key, fmt::format("{}", value)};
  }
}

// Before the first event; events below `least` are dropped. The clock must live as long as the process logs.
void configure_logging(const Clock& clock, LogLevel least, LogFormat format);
[[nodiscard]] bool log_enabled(LogLevel level);
void log_event(LogLevel level, std::string_view component, std::string_view message,
               std::initializer_list<LogField> fields);

// log_info("log", "rolled a segment", kv("partition", name), kv("base_offset", base)).
template <class... Fields>
void log_debug(std::string_view component, std::string_view message, const Fields&... fields) {
  if (log_enabled(LogLevel::kDebug)) log_event(LogLevel::kDebug, component, message, {fields...});
}
template <class... Fields>
void log_info(std::string_view component, std::string_view message, const Fields&... fields) {
  log_event(LogLevel::kInfo, component, message, {fields...});
}
template <class... Fields>
void log_warn(std::string_view component, std::string_view message, const Fields&... fields) {
  log_event(LogLevel::kWarn, component, message, {fields...});
}
template <class... Fields>
void log_error(std::string_view component, std::string_view message, const Fields&... fields) {
  log_event(LogLevel::kError, component, message, {fields...});
}

}  // namespace weir
