// What IncrementalAlterConfigs and AlterConfigs decide for one resource. Pure; controller's loop.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/controller/config_rules.h"
#include "broker/controller/topic_creation.h"
#include "protocol/messages/alter_configs_request.h"
#include "protocol/messages/incremental_alter_configs_request.h"
#include "quorum/metadata_image.h"
#include "quorum/metadata_record.h"

namespace weir::broker {

// The numbers are those of the wire.
enum class ConfigOperation : int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

struct ConfigEdit {
  std::string_view name;
  ConfigOperation operation = ConfigOperation::kSet;
  std::optional<std::string_view> value;
};

// The edits of one resource of a request; AlterConfigs only sets.
std::vector<ConfigEdit> edits_of(const protocol::IncrementalAlterConfigsRequest::AlterConfigsResource& resource);
std::vector<ConfigEdit> edits_of(const protocol::AlterConfigsRequest::AlterConfigsResource& resource);

class ConfigChange {
 public:
  // Image and rules outlive it.
  ConfigChange(const quorum::MetadataImage& image, const ConfigRules& rules, int8_t resource_type,
               std::string_view resource_name);

  // What can be seen to be wrong with edits whatever they are of.
  [[nodiscard]] static std::optional<ApiError> check_edits(const std::vector<ConfigEdit>& edits);

  // Only looks whether the edits lead to settings that are valid by themselves: on top of what is set, or alone.
  [[nodiscard]] std::optional<ApiError> check_edit(const std::vector<ConfigEdit>& edits) const;
  [[nodiscard]] std::optional<ApiError> check_replace(const std::vector<ConfigEdit>& entries) const;

  // Adds the records of these edits on top of what is set, or why they cannot be made.
  std::optional<ApiError> edit(const std::vector<ConfigEdit>& edits, quorum::MetadataRecords& records);
  // Adds the records after which exactly `entries` are set, or why that cannot be.
  std::optional<ApiError> replace(const std::vector<ConfigEdit>& entries, quorum::MetadataRecords& records);

 private:
  [[nodiscard]] std::optional<ApiError> check_name() const;
  [[nodiscard]] std::optional<ApiError> check_existence() const;
  [[nodiscard]] std::optional<ApiError> check_elr(const quorum::ConfigEntries& after,
                                                  const std::vector<ConfigEdit>& edits) const;
  std::optional<ApiError> apply_all(const std::vector<ConfigEdit>& edits, quorum::ConfigEntries& entries) const;
  [[nodiscard]] std::optional<ApiError> check_values(const quorum::ConfigEntries& after) const;
  std::optional<ApiError> apply(const ConfigEdit& edit, quorum::ConfigEntries& entries) const;
  [[nodiscard]] std::string edited_list(const ConfigEdit& edit, const quorum::ConfigEntries& entries) const;
  // `set_again` are written though their value stays, as Kafka does for what is set.
  std::optional<ApiError> finish(const quorum::ConfigEntries& after, const std::vector<ConfigEdit>& edits,
                                 quorum::MetadataRecords& records);

  const quorum::MetadataImage& image_;
  const ConfigRules& rules_;
  quorum::ConfigResource resource_;
  const quorum::ConfigEntries& before_;
};

}  // namespace weir::broker
