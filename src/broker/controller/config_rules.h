// ConfigRules: what the controller has to know of the settings themselves. Implemented where the tables of settings are
// (broker/config); the controller only keeps names and values. Controller's loop only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

// A setting as CreateTopics describes it; the numbers are those of the wire.
struct TopicSetting {
  std::string name;
  std::optional<std::string> value;
  int8_t source = 0;
  bool read_only = false;
  bool is_sensitive = false;
};

class ConfigRules {
 public:
  virtual ~ConfigRules() = default;

  // All that is set on `resource` after a change. kInvalidArgument says which setting is wrong and why: the answer is
  // INVALID_CONFIG.
  [[nodiscard]] virtual Result<> validate(const quorum::ConfigResource& resource,
                                          const quorum::ConfigEntries& entries) const = 0;
  // Whether values can be appended to it and subtracted from it.
  [[nodiscard]] virtual bool is_list(quorum::ConfigResourceType type, std::string_view name) const = 0;
  // In force where nothing is set in the metadata: from the node's file, or built in; nothing for null and for unknown
  // names.
  [[nodiscard]] virtual std::optional<std::string> default_value(quorum::ConfigResourceType type,
                                                                 std::string_view name) const = 0;
  // All settings of a topic on which `entries` are set, sorted by name.
  [[nodiscard]] virtual std::vector<TopicSetting> describe_topic(const quorum::MetadataImage& image,
                                                                 const quorum::ConfigEntries& entries) const = 0;
};

}  // namespace weir::broker
