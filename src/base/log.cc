#include "base/log.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <map>
#include <mutex>

#include "base/loop.h"
#include "base/seams.h"

namespace weir {
namespace {

std::atomic<const Clock*> log_clock = nullptr;
std::atomic<LogFormat> log_format = LogFormat::kText;

constexpr std::array<std::string_view, 6> kLevelNames{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

// The levels, by component. A lock is cheap enough for what people read.
class Levels {
 public:
  bool passes(LogLevel level, std::string_view component) {
    const std::scoped_lock lock(mutex_);
    auto found = own_.find(component);
    if (found == own_.end()) found = own_.emplace(component, std::nullopt).first;
    return level >= found->second.value_or(root_);
  }
  std::vector<Logger> all() {
    const std::scoped_lock lock(mutex_);
    std::vector<Logger> loggers;
    for (const auto& [name, level] : own_) loggers.push_back({name, level.value_or(root_)});
    loggers.push_back({std::string(kRootLogger), root_});
    std::ranges::sort(loggers, {}, &Logger::name);
    return loggers;
  }
  void set_root(LogLevel level) {
    const std::scoped_lock lock(mutex_);
    root_ = level;
  }
  Result<> set(std::string_view logger, std::optional<LogLevel> level) {
    const std::scoped_lock lock(mutex_);
    const auto found = own_.find(logger);
    if (found == own_.end()) return fail(Errc::kNotFound, fmt::format("Logger {} does not exist", logger));
    found->second = level;
    return {};
  }

 private:
  std::mutex mutex_;
  LogLevel root_ = LogLevel::kInfo;
  // As many as the code names.
  std::map<std::string, std::optional<LogLevel>, std::less<>> own_;
};

Levels& levels() {
  // Never destroyed: what ends last may still log.
  static Levels& all = *new Levels();  // NOLINT(cppcoreguidelines-owning-memory)
  return all;
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
  std::string line = fmt::format("{} {:<5} [{}] {}: ", time_text(), log_level_name(level), shard_text(), component);
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
                                 log_level_name(level), shard_text(), component);
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
  levels().set_root(least);
  log_format.store(format);
}

std::vector<Logger> loggers() { return levels().all(); }

std::string_view log_level_name(LogLevel level) { return kLevelNames[static_cast<size_t>(level)]; }

std::optional<LogLevel> parse_log_level(std::string_view name) {
  const auto found = std::ranges::find(kLevelNames, name);
  if (found == kLevelNames.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kLevelNames.begin());
}

Result<> set_log_level(std::string_view logger, LogLevel level) {
  if (logger != kRootLogger) return levels().set(logger, level);
  levels().set_root(level);
  return {};
}

Result<> reset_log_level(std::string_view logger) {
  if (logger == kRootLogger) return fail(Errc::kInvalidArgument, "the level of the root logger cannot be removed");
  return levels().set(logger, std::nullopt);
}

void log_event(LogLevel level, std::string_view component, std::string_view message,
               std::initializer_list<LogField> fields) {
  if (!levels().passes(level, component)) return;
  const std::string line = log_format.load(std::memory_order_relaxed) == LogFormat::kJson
                               ? json_line(level, component, message, fields)
                               : text_line(level, component, message, fields);
  // A line that cannot be written has nowhere else to go.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace weir
