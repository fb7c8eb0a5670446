#include "base/log.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <atomic>
#include <iterator>

#include "base/loop.h"
#include "base/seams.h"

namespace weir {
namespace {

std::atomic<const Clock*> log_clock = nullptr;
std::atomic<LogLevel> least_level = LogLevel::kInfo;
std::atomic<LogFormat> log_format = LogFormat::kText;

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
    case LogLevel::kNothing:
      break;
  }
  return "?";
}

std::string time_text() {
  const Clock* clock = log_clock.load(std::memory_order_acquire);
  const int64_t now_ms = clock == nullptr ? 0 : clock->wall().value();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(now_ms / 1000)),
                     now_ms % 1000);
}

// "-" off the loops (start-up, disk threads).
std::string shard_text() {
  const Loop* loop = Loop::current_or_null();
  return loop == nullptr ? "-" : fmt::to_string(loop->shard().value());
}

// Escapes what would break a line, a quoted value, or JSON.
void append_escaped(std::string& out, std::string_view text) {
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
}

std::string text_line(LogLevel level, std::string_view component, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line = fmt::format("{} {:<5} [{}] {}: ", time_text(), level_name(level), shard_text(), component);
  append_escaped(line, message);
  for (const LogField& field : fields) {
    const bool quoted = field.value.empty() || field.value.find_first_of(" \"\\\n=") != std::string::npos;
    fmt::format_to(std::back_inserter(line), " {}={}", field.key, quoted ? "\"" : "");
    append_escaped(line, field.value);
    if (quoted) line += '"';
  }
  return line += '\n';
}

std::string json_line(LogLevel level, std::string_view component, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","shard":"{}","component":"{}","message":")", time_text(),
                                 level_name(level), shard_text(), component);
  append_escaped(line, message);
  line += '"';
  for (const LogField& field : fields) {
    fmt::format_to(std::back_inserter(line), ",\"{}\":\"", field.key);
    append_escaped(line, field.value);
    line += '"';
  }
  return line += "}\n";
}

}  // namespace

void configure_logging(const Clock& clock, LogLevel least, LogFormat format) {
  log_clock.store(&clock, std::memory_order_release);
  least_level.store(least);
  log_format.store(format);
}

bool log_enabled(LogLevel level) { return level >= least_level.load(std::memory_order_relaxed); }

void log_event(LogLevel level, std::string_view component, std::string_view message,
               std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  const std::string line = log_format.load(std::memory_order_relaxed) == LogFormat::kJson
                               ? json_line(level, component, message, fields)
                               : text_line(level, component, message, fields);
  // A line that cannot be written has nowhere else to go.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace weir
