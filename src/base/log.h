// Logging: one event a line on standard error, with time, level, shard, component, message and key=value pairs, as text
// or as JSON. Any thread; a line is written whole. Logging is for people: nothing on a path that runs per request or
// per record logs.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

class Clock;

// kTrace and kFatal are those of no event; they are there to let all pass, and none.
enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kFatal };
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
void log_event(LogLevel level, std::string_view component, std::string_view message,
               std::initializer_list<LogField> fields);

// A component with the level below which its events are dropped. There is one for each component that has had an
// event, dropped or not, and "root" for those without a level of their own.
struct Logger {
  std::string name;
  LogLevel level;
};
inline constexpr std::string_view kRootLogger = "root";

// By name.
std::vector<Logger> loggers();
// "DEBUG"; parse_log_level takes the same back, and nothing else.
std::string_view log_level_name(LogLevel level);
std::optional<LogLevel> parse_log_level(std::string_view name);
// Takes effect at once, until the process ends. kNotFound: no such logger.
Result<> set_log_level(std::string_view logger, LogLevel level);
// The logger goes by the root's level again. kNotFound: no such logger; kInvalidArgument: the root itself.
Result<> reset_log_level(std::string_view logger);

// log_info("log", "rolled a segment", kv("partition", name), kv("base_offset", base)).
template <class... Fields>
void log_debug(std::string_view component, std::string_view message, const Fields&... fields) {
  log_event(LogLevel::kDebug, component, message, {fields...});
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
