// ConfigRulesTable: what the controller asks about settings, answered from the tables of broker/config. Controller's
// loop only.
#pragma once

#include "broker/config/config_layers.h"
#include "broker/controller/config_rules.h"

namespace weir::broker {

class ConfigRulesTable final : public ConfigRules {
 public:
  // The settings of this node's file, which give the defaults of topics.
  explicit ConfigRulesTable(ConfigMap static_settings) : static_settings_(std::move(static_settings)) {}

  [[nodiscard]] Result<> validate(const quorum::ConfigResource& resource,
                                  const quorum::ConfigEntries& entries) const override;
  [[nodiscard]] bool is_list(quorum::ConfigResourceType type, std::string_view name) const override;
  [[nodiscard]] std::optional<std::string> default_value(quorum::ConfigResourceType type,
                                                         std::string_view name) const override;
  [[nodiscard]] std::vector<TopicSetting> describe_topic(const quorum::MetadataImage& image,
                                                         const quorum::ConfigEntries& entries) const override;

 private:
  [[nodiscard]] Result<> check_own_directories(const quorum::ConfigResource& resource,
                                               const quorum::ConfigEntries& entries) const;
  ConfigMap static_settings_;
};

}  // namespace weir::broker
