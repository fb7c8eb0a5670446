// UpdateFeatures: raises and lowers the finalized levels of features, all that are named or none.
#include <fmt/format.h>

#include <set>

#include "broker/controller/controller.h"
#include "broker/controller/topic_creation.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using protocol::UpdateFeaturesRequest;
using protocol::UpdateFeaturesResponse;
using Update = UpdateFeaturesRequest::FeatureUpdateKey;
using quorum::MetadataVersion;

// The numbers are those of the wire.
enum class UpgradeType : int8_t { kUnknown = 0, kUpgrade = 1, kSafeDowngrade = 2, kUnsafeDowngrade = 3 };

UpgradeType upgrade_type(const Update& update, int16_t api_version) {
  if (api_version == 0) return update.allow_downgrade ? UpgradeType::kSafeDowngrade : UpgradeType::kUpgrade;
  if (update.upgrade_type < 1 || update.upgrade_type > 3) return UpgradeType::kUnknown;
  return static_cast<UpgradeType>(update.upgrade_type);
}

ApiError refused(std::string_view feature, int16_t level, std::string_view why) {
  return {ErrorCode::kInvalidUpdateVersion,
          fmt::format("Invalid update version {} for feature {}. {}", level, feature, why)};
}

// Who does not know the level: this node, or a broker that is registered.
std::optional<std::string> unsupported_by(const quorum::MetadataImage& image, std::string_view feature, int16_t level) {
  // Level 0 is "off", which everybody can be.
  if (level == 0 && feature != quorum::kMetadataVersionFeature) {
    return quorum::supported_levels(feature) ? std::nullopt : std::optional<std::string>("The feature is not known.");
  }
  const auto supported = quorum::supported_levels(feature);
  if (!supported) return "The feature is not known.";
  if (!supported->contains(level)) {
    return fmt::format("The controller supports versions {} to {}.", supported->min, supported->max);
  }
  for (const auto& [id, broker] : image.brokers) {
    const auto found = broker->features.find(feature);
    if (found == broker->features.end()) return fmt::format("Broker {} does not support this feature.", id.value());
    if (!found->second.contains(level)) {
      return fmt::format("Broker {} supports versions {} to {}.", id.value(), found->second.min, found->second.max);
    }
  }
  return std::nullopt;
}

class FeatureUpdater {
 public:
  FeatureUpdater(const quorum::MetadataImage& image, const ConfigRules& rules, int16_t api_version)
      : image_(image), rules_(rules), api_version_(api_version) {}

  std::optional<ApiError> update(const UpdateFeaturesRequest& request, quorum::MetadataRecords& records) {
    std::set<std::string_view> seen;
    for (const Update& update : request.feature_updates) {
      if (!seen.insert(update.feature).second) {
        return ApiError{ErrorCode::kInvalidRequest, fmt::format("Feature {} is named more than once.", update.feature)};
      }
    }
    const auto after = [&](std::string_view feature) {
      for (const Update& update : request.feature_updates) {
        if (update.feature == feature) return update.max_version_level;
      }
      return image_.feature_level(feature);
    };
    const MetadataVersion metadata_version(after(quorum::kMetadataVersionFeature));
    for (const Update& update : request.feature_updates) {
      if (auto error = update_one(update, metadata_version, records)) return error;
    }
    // Features that stay need their metadata.version too.
    for (const quorum::Feature& feature : quorum::features()) {
      const int16_t level = after(feature.name);
      if (level > 0 && metadata_version.level() < feature.needs_metadata_version) {
        return refused(feature.name, level,
                       fmt::format("It needs metadata.version {}.", feature.needs_metadata_version));
      }
    }
    return std::nullopt;
  }

 private:
  std::optional<ApiError> update_one(const Update& update, MetadataVersion metadata_version,
                                     quorum::MetadataRecords& records) {
    const int16_t level = update.max_version_level;
    const UpgradeType type = upgrade_type(update, api_version_);
    if (type == UpgradeType::kUnknown) return refused(update.feature, level, "The upgrade type is not known.");
    if (level < 0) return refused(update.feature, level, "A feature has no negative version.");
    if (auto why = unsupported_by(image_, update.feature, level)) return refused(update.feature, level, *why);
    const int16_t present = image_.feature_level(update.feature);
    if (level < present && type == UpgradeType::kUpgrade) {
      return refused(update.feature, level, "To downgrade, set the upgrade type to safe or unsafe downgrade.");
    }
    if (level > present && type != UpgradeType::kUpgrade) {
      return refused(update.feature, level, "To upgrade, set the upgrade type to upgrade.");
    }
    if (level == present) return std::nullopt;
    if (update.feature == quorum::kKraftVersionFeature) {
      return refused(update.feature, level, "kraft.version is chosen when the cluster is formatted.");
    }
    const bool loses_metadata = update.feature == quorum::kMetadataVersionFeature &&
                                MetadataVersion(present).loses_metadata_below(MetadataVersion(level));
    if (loses_metadata) {
      return refused(update.feature, level,
                     "The downgrade would lose metadata, which is not supported, not even as unsafe downgrade.");
    }
    records.add(protocol::FeatureLevelRecord{.name = update.feature, .feature_level = level});
    if (update.feature == quorum::kMetadataVersionFeature) records.set_version(metadata_version);
    if (update.feature == quorum::kElrFeature && level > 0) fix_min_insync_replicas(records);
    return std::nullopt;
  }

  // With ELR on there is one minimum for the cluster, and none of a single broker.
  void fix_min_insync_replicas(quorum::MetadataRecords& records) const {
    using quorum::ConfigResourceType;
    constexpr std::string_view name = "min.insync.replicas";
    protocol::ConfigRecord record;
    record.resource_type = static_cast<int8_t>(ConfigResourceType::kBroker);
    record.name = name;
    const std::string value = rules_.default_value(ConfigResourceType::kTopic, name).value_or("1");
    if (!image_.config(ConfigResourceType::kBroker, "").contains(name)) {
      record.resource_name = "";
      record.value = value;
      records.add(record);
    }
    for (const auto& [resource, entries] : image_.configs) {
      const bool of_one_broker = resource.type == ConfigResourceType::kBroker && !resource.name.empty();
      if (!of_one_broker || !entries->contains(name)) continue;
      record.resource_name = resource.name;
      record.value.reset();
      records.add(record);
    }
  }

  const quorum::MetadataImage& image_;
  const ConfigRules& rules_;
  int16_t api_version_;
};

}  // namespace

Decision<UpdateFeaturesResponse> Controller::decide(const UpdateFeaturesRequest& request,
                                                    const DecideContext& context) {
  auto decision = no_change<UpdateFeaturesResponse>();
  auto& response = decision.reply.response;
  response.error_message.reset();
  const auto error = FeatureUpdater(image_, rules_, context.api_version).update(request, decision.records);
  if (error || request.validate_only) decision.records = quorum::MetadataRecords(image_.metadata_version());
  if (error) {
    response.error_code = protocol::error_field(error->code);
    response.error_message = decision.reply.keep(error->message);
    return decision;
  }
  if (context.api_version > 1) return decision;
  for (const Update& update : request.feature_updates) {
    auto& result = response.results.emplace_back();
    result.feature = decision.reply.keep(update.feature);
    result.error_message.reset();
  }
  return decision;
}

}  // namespace weir::broker
