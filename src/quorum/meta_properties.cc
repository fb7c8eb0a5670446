#include "quorum/meta_properties.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <map>

namespace weir::quorum {
namespace {

std::string java_date(Timestamp now) {
  using namespace std::chrono;
  const sys_seconds time(seconds(now.value() / 1000));
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{} {} {:02} {:02}:{:02}:{:02} UTC {}", kDays[weekday(day).c_encoding()],
                     kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     static_cast<int>(date.year()));
}

std::unexpected<Error> corrupt(std::string_view why) {
  return fail(Errc::kCorrupt, fmt::format("{}: {}", kMetaProperties, why));
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// What Java writes of ids and numbers needs no escapes but of '=' and ':', which do not occur in them.
std::map<std::string, std::string, std::less<>> parse_lines(std::string_view text) {
  std::map<std::string, std::string, std::less<>> properties;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    const size_t equals = std::min(line.find('='), line.size());
    const std::string_view value = equals < line.size() ? line.substr(equals + 1) : std::string_view();
    properties[std::string(trim(line.substr(0, equals)))] = std::string(trim(value));
  }
  return properties;
}

}  // namespace

std::string format_meta_properties(const MetaProperties& properties, Timestamp now) {
  // In the order in which Kafka's tools happen to write them.
  std::string text = fmt::format("#\n#{}\nnode.id={}\n", java_date(now), properties.node_id.value());
  if (properties.directory_id) text += fmt::format("directory.id={}\n", properties.directory_id->to_string());
  text += fmt::format("version=1\ncluster.id={}\n", properties.cluster_id);
  return text;
}

Result<MetaProperties> parse_meta_properties(std::string_view text) {
  const auto lines = parse_lines(text);
  const auto get = [&](std::string_view name) {
    const auto found = lines.find(name);
    return found == lines.end() ? std::string_view() : std::string_view(found->second);
  };
  const std::string_view version = get("version");
  if (version.empty()) return corrupt("there is no version");
  if (version != "0" && version != "1") {
    return fail(Errc::kUnsupported, fmt::format("{}: version {} is not known", kMetaProperties, version));
  }
  MetaProperties properties;
  properties.cluster_id = std::string(get("cluster.id"));
  if (properties.cluster_id.empty() && version == "1") return corrupt("there is no cluster.id");
  const std::string_view node = version == "0" ? get("broker.id") : get("node.id");
  int32_t id = 0;
  const auto [end, error] = std::from_chars(node.data(), node.data() + node.size(), id);
  if (node.empty() || error != std::errc() || end != node.data() + node.size() || id < 0) {
    return corrupt(fmt::format("the id of the node is \"{}\"", node));
  }
  properties.node_id = NodeId(id);
  if (const std::string_view directory = get("directory.id"); !directory.empty()) {
    auto directory_id = Uuid::parse(directory);
    if (!directory_id) return corrupt(fmt::format("directory.id is \"{}\"", directory));
    properties.directory_id = *directory_id;
  }
  return properties;
}

}  // namespace weir::quorum
