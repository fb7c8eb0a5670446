#include "storage/meta_properties.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

namespace weir::storage {
namespace {

constexpr uint64_t kReservedIds = 100;

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The escapes of Java properties that Kafka's values can have: a backslash before '=', ':', '#', '!' or another one.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (std::string_view("=:#!\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::map<std::string, std::string, std::less<>> parse_lines(std::string_view text) {
  std::map<std::string, std::string, std::less<>> values;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#' || line[0] == '!') continue;
    const size_t separator = line.find_first_of("=:");
    const std::string_view value = separator == line.npos ? std::string_view() : line.substr(separator + 1);
    values[std::string(trimmed(line.substr(0, separator)))] = unescaped(trimmed(value));
  }
  return values;
}

}  // namespace

Result<MetaProperties> parse_meta_properties(std::string_view text) {
  const auto values = parse_lines(text);
  auto value_of = [&](std::string_view key) -> std::optional<std::string> {
    const auto found = values.find(key);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
  const std::string version = value_of("version").value_or("");
  if (version.empty()) return fail(Errc::kCorrupt, "meta.properties has no version: it is damaged");
  if (version != "0" && version != "1") {
    return fail(Errc::kCorrupt,
                fmt::format("meta.properties has the version '{}', which is not known here: 0 and 1 are", version));
  }
  const std::string_view node_key = version == "0" ? "broker.id" : "node.id";
  MetaProperties properties;
  properties.cluster_id = value_of("cluster.id").value_or("");
  if (version == "1" && properties.cluster_id.empty()) {
    return fail(Errc::kCorrupt, "meta.properties has no cluster.id");
  }
  if (const auto node = value_of(node_key)) {
    int32_t id = -1;
    const auto [end, error] = std::from_chars(node->data(), node->data() + node->size(), id);
    if (error != std::errc() || end != node->data() + node->size()) {
      return fail(Errc::kCorrupt, fmt::format("meta.properties has the {} '{}'", node_key, *node));
    }
    properties.node_id = NodeId(id);
  } else if (version == "1") {
    return fail(Errc::kCorrupt, "meta.properties has no node.id");
  }
  if (const auto directory = value_of("directory.id")) {
    Result<Uuid> id = Uuid::parse(*directory);
    if (!id) return fail(Errc::kCorrupt, "meta.properties: " + id.error().message);
    properties.directory_id = *id;
  }
  return properties;
}

std::string meta_properties_text(const MetaProperties& properties) {
  std::string text = "#\n";
  text += fmt::format("cluster.id={}\n", escaped(properties.cluster_id));
  if (properties.directory_id) text += fmt::format("directory.id={}\n", properties.directory_id->to_string());
  text += fmt::format("node.id={}\n", properties.node_id.value());
  text += "version=1\n";
  return text;
}

bool is_reserved_directory_id(const Uuid& id) { return id.high() == 0 && id.low() < kReservedIds; }

}  // namespace weir::storage
