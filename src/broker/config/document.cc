#include "broker/config/document.h"

#include <fmt/format.h>

#include <iterator>

#include "broker/config/config_key.h"

namespace weir::broker {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration

Made from the tables in `src/broker/config/` by `make docs`; do not edit.

`weir start FILE.properties` takes Apache Kafka's `server.properties` as it is. Each `--override key=value` wins over the file. A
setting that is unknown is ignored with a warning that names the nearest known one; a value that is wrong stops the start.

Each setting is one of three kinds:

- **works**: does what it does in Kafka.
- **nothing to steer**: accepted, checked and described, so that files and tools go on to work; its note says why it has no meaning here.
- **not built yet**: accepted, checked and described, without an effect; a warning at start says so.

A topic's setting comes from the topic itself, else from the broker's dynamic setting, else from the cluster's dynamic default,
else from the file, else it is the default. Where several broker settings are named, the first that is set counts.
)";

std::string_view support_text(Support support) {
  switch (support) {
    case Support::kWorks:
      return "works";
    case Support::kNoMeaning:
      return "nothing to steer";
    case Support::kNotBuilt:
      return "not built yet";
  }
  return "";
}

std::string_view update_text(Update update) {
  switch (update) {
    case Update::kReadOnly:
      return "at start";
    case Update::kPerBroker:
      return "per broker";
    case Update::kClusterWide:
      return "per broker or for all";
    case Update::kDynamicOnly:
      return "only at run time";
    case Update::kResource:
      return "at run time";
  }
  return "";
}

std::string default_text(const ConfigKey& key) {
  if (key.default_value == nullptr) return "";
  return std::string_view(key.default_value).empty() ? "(empty)" : fmt::format("`{}`", key.default_value);
}

void write_row(std::string& page, ConfigSection section, const ConfigKey& key) {
  std::string note(key.note);
  for (const auto& row : broker_defaults(section, key.name)) {
    note += fmt::format("{} `{}`{}", &row == broker_defaults(section, key.name).data() ? " Default:" : ",",
                        row.broker_key, row.factor == 1 ? "" : fmt::format(" x {}", row.factor));
  }
  std::string valid = valid_text(key);
  if (!valid.empty()) valid = fmt::format("`{}`", valid);
  fmt::format_to(std::back_inserter(page), "| `{}` | {} | {} | {} | {} | {} | {} |\n", key.name,
                 config_type_name(key.type), default_text(key), valid, update_text(key.update),
                 support_text(key.support), note);
}

void write_section(std::string& page, ConfigSection section, std::string_view title) {
  fmt::format_to(
      std::back_inserter(page),
      "\n## {}\n\n| setting | type | default | valid | changes | here | note |\n|---|---|---|---|---|---|---|\n",
      title);
  for (const ConfigKey* key : config_keys(section)) {
    if (!key->internal) write_row(page, section, *key);
  }
}

}  // namespace

std::string configuration_page() {
  std::string page(kIntroduction);
  write_section(page, ConfigSection::kBroker, "Node");
  write_section(page, ConfigSection::kTopic, "Topic");
  write_section(page, ConfigSection::kGroup, "Group");
  write_section(page, ConfigSection::kClientMetrics, "Client metrics");
  return page;
}

}  // namespace weir::broker
