#include "cli/place_spec.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace weir::cli {
namespace {

// Reads a number off the front; at most `digits` of them.
std::optional<int64_t> take_number(std::string_view& text, size_t digits = 18) {
  size_t count = 0;
  while (count < std::min(text.size(), digits) && text[count] >= '0' && text[count] <= '9') ++count;
  int64_t value = 0;
  if (count == 0) return std::nullopt;
  std::from_chars(text.data(), text.data() + count, value);
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int64_t> whole_number(std::string_view text) {
  auto value = take_number(text);
  return text.empty() ? value : std::nullopt;
}

// 90s, 10m, 2h30m, 1d: milliseconds.
std::optional<int64_t> parse_duration(std::string_view text) {
  int64_t total = 0;
  while (!text.empty()) {
    const auto value = take_number(text, 9);
    if (!value || text.empty()) return std::nullopt;
    if (text.starts_with("ms")) {
      total += *value;
      text.remove_prefix(2);
      continue;
    }
    const char unit = text.front();
    text.remove_prefix(1);
    switch (unit) {
      case 's':
        total += *value * 1'000;
        break;
      case 'm':
        total += *value * 60'000;
        break;
      case 'h':
        total += *value * 3'600'000;
        break;
      case 'd':
        total += *value * 86'400'000;
        break;
      default:
        return std::nullopt;
    }
  }
  return total;
}

struct ClockTime {
  int64_t milliseconds = 0;  // of the day
  int64_t zone_minutes = 0;
};

// Thh:mm[:ss[.fff]][Z|+hh:mm|-hh:mm], all of it, or nothing at all.
std::optional<ClockTime> parse_clock(std::string_view text) {
  ClockTime time;
  if (text.empty()) return time;
  if (!take(text, 'T') && !take(text, ' ')) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  time.milliseconds = (*hour * 60 + *minute) * 60'000;
  if (take(text, ':')) {
    const auto second = take_number(text, 2);
    if (!second || *second > 60) return std::nullopt;
    time.milliseconds += *second * 1'000;
    if (take(text, '.')) {
      const size_t before = text.size();
      auto fraction = take_number(text, 3);
      if (!fraction) return std::nullopt;
      for (size_t digits = before - text.size(); digits < 3; ++digits) *fraction *= 10;
      take_number(text);
      time.milliseconds += *fraction;
    }
  }
  if (text.empty() || text == "Z") return time;
  const bool east = text.front() == '+';
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto zone_hour = take_number(text, 2);
  take(text, ':');
  const auto zone_minute = take_number(text, 2);
  if (!zone_hour || !zone_minute || !text.empty()) return std::nullopt;
  time.zone_minutes = (*zone_hour * 60 + *zone_minute) * (east ? 1 : -1);
  return time;
}

std::optional<Timestamp> parse_date_time(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  const auto clock = parse_clock(text);
  if (!date.ok() || !clock) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Timestamp(days * 86'400'000 + clock->milliseconds - clock->zone_minutes * 60'000);
}

}  // namespace

std::optional<Timestamp> parse_time(std::string_view text, Timestamp now) {
  if (text == "now") return now;
  if (text.starts_with('@')) {
    const auto seconds = whole_number(text.substr(1));
    return seconds ? std::optional(Timestamp(*seconds * 1'000)) : std::nullopt;
  }
  if (const auto ago = parse_duration(text); ago && !text.empty()) return now - *ago;
  return parse_date_time(text);
}

Result<PlaceSpec> parse_place(std::string_view text, Timestamp now) {
  if (text == "earliest" || text == "start" || text == "beginning") return Earliest{};
  if (text == "latest" || text == "end") return Latest{};
  if (const auto offset = whole_number(text)) return Offset(*offset);
  if (text.starts_with('-')) {
    if (const auto records = whole_number(text.substr(1))) return FromEnd{*records};
  }
  if (const auto time = parse_time(text, now)) return *time;
  return fail(Errc::kInvalidArgument,
              fmt::format("'{}' is no place in a topic. Give earliest, latest, an offset (42), a number before the end "
                          "(-10), a time ago (10m, 2h, 1d) or a time (2026-11-21T04:06:05Z)",
                          text));
}

std::string format_time(Timestamp time) {
  if (time.value() < 0) return "-";
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(time.value() / 1'000)),
                     time.value() % 1'000);
}

Result<std::pair<std::string, std::vector<int32_t>>> parse_topic_partitions(std::string_view text) {
  const size_t colon = text.find(':');
  std::pair<std::string, std::vector<int32_t>> result{std::string(text.substr(0, colon)), {}};
  if (colon == std::string_view::npos) return result;
  std::string_view list = text.substr(colon + 1);
  do {
    const auto partition = take_number(list, 9);
    if (!partition || (!list.empty() && list.front() != ',')) {
      return fail(Errc::kInvalidArgument, fmt::format("'{}': write TOPIC or TOPIC:PARTITION,...", text));
    }
    result.second.push_back(static_cast<int32_t>(*partition));
  } while (take(list, ','));
  return result;
}

}  // namespace weir::cli
