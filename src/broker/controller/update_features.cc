// UpdateFeatures: raises and lowers the finalized levels of features, all that are named or none.
#include <fmt/format.h>

#include <map>

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

// Version 0 has another field for it, which Kafka does not look at: all updates are upgrades there.
UpgradeType upgrade_type(const Update& update) {
  if (update.upgrade_type < 1 || update.upgrade_type > 3) return UpgradeType::kUnknown;
  return static_cast<UpgradeType>(update.upgrade_type);
}

ApiError refused(std::string_view feature, int16_t level, std::string_view why) {
  return {ErrorCode::kInvalidUpdateVersion,
          fmt::format("Invalid update version {} for feature {}. {}", level, feature, why)};
}

// Why one node cannot be at `level`. A feature that a node has never heard of is at level 0 there.
std::optional<std::string> unsupported(std::string_view node, std::optional<quorum::VersionRange> range,
                                       int16_t level) {
  const quorum::VersionRange known = range.value_or(quorum::VersionRange{});
  if (known.contains(level)) return std::nullopt;
  if (known.max == 0) return fmt::format("{} does not support this feature.", node);
  return fmt::format("{} only supports versions {}-{}", node, known.min, known.max);
}

class FeatureUpdater {
 public:
  FeatureUpdater(const quorum::MetadataImage& image, const ConfigRules& rules, NodeId controller)
      : image_(image), rules_(rules), controller_(controller) {}

  std::optional<ApiError> update(const UpdateFeaturesRequest& request, quorum::MetadataRecords& records) {
    // A feature that is named twice goes to its last level.
    std::map<std::string_view, const Update*> updates;
    for (const Update& update : request.feature_updates) updates[update.feature] = &update;
    const auto after = [&](std::string_view feature) {
      const auto found = updates.find(feature);
      return found == updates.end() ? image_.feature_level(feature) : found->second->max_version_level;
    };
    const MetadataVersion metadata_version(after(quorum::kMetadataVersionFeature));
    for (const auto& [feature, update] : updates) {
      if (auto error = update_one(*update, metadata_version, records)) return error;
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
  // Who does not know the level: this node, or another broker or controller that is registered.
  [[nodiscard]] std::optional<std::string> unsupported_by(std::string_view feature, int16_t level) const {
    const auto here = fmt::format("Local controller {}", controller_.value());
    if (auto why = unsupported(here, quorum::supported_levels(feature), level)) return why;
    const auto unsupported_at = [&](std::string_view role, NodeId id, const auto& features) {
      const auto found = features.find(feature);
      const auto range = found == features.end() ? std::nullopt : std::optional(found->second);
      return unsupported(fmt::format("{} {}", role, id.value()), range, level);
    };
    for (const auto& [id, broker] : image_.brokers) {
      if (auto why = unsupported_at("Broker", id, broker->features)) return why;
    }
    for (const auto& [id, controller] : image_.controllers) {
      if (id == controller_) continue;
      if (auto why = unsupported_at("Controller", id, controller->features)) return why;
    }
    if (!quorum::supported_levels(feature)) return fmt::format("Feature {} not found.", feature);
    return std::nullopt;
  }

  std::optional<ApiError> update_one(const Update& update, MetadataVersion metadata_version,
                                     quorum::MetadataRecords& records) {
    const int16_t level = update.max_version_level;
    const UpgradeType type = upgrade_type(update);
    if (type == UpgradeType::kUnknown) {
      return refused(update.feature, level, "The controller does not support the given upgrade type.");
    }
    if (level < 0) return refused(update.feature, level, "A feature version cannot be less than 0.");
    if (auto why = unsupported_by(update.feature, level)) return refused(update.feature, level, *why);
    const int16_t present = image_.feature_level(update.feature);
    if (level < present && type == UpgradeType::kUpgrade) {
      return refused(update.feature, level,
                     "Can't downgrade the version of this feature without setting the upgrade type to either safe or "
                     "unsafe downgrade.");
    }
    if (level > present && type != UpgradeType::kUpgrade) {
      return refused(update.feature, level, "Can't downgrade to a newer version.");
    }
    if (level == present) return std::nullopt;
    if (update.feature == quorum::kKraftVersionFeature) {
      return refused(update.feature, level, "kraft.version is chosen when the cluster is formatted.");
    }
    const bool loses_metadata = update.feature == quorum::kMetadataVersionFeature &&
                                MetadataVersion(present).loses_metadata_below(MetadataVersion(level));
    if (loses_metadata) {
      return ApiError{ErrorCode::kInvalidUpdateVersion,
                      fmt::format("Unsupported metadata.version downgrade from {} to {}. {}", present, level,
                                  type == UpgradeType::kUnsafeDowngrade
                                      ? "Unsafe metadata downgrade is not supported in this version."
                                      : "Refusing to perform the requested downgrade because it might delete metadata "
                                        "information.")};
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
  NodeId controller_;
};

}  // namespace

Decision<UpdateFeaturesResponse> Controller::decide(const UpdateFeaturesRequest& request,
                                                    const DecideContext& context) {
  auto decision = no_change<UpdateFeaturesResponse>();
  auto& response = decision.reply.response;
  response.error_message.reset();
  const auto error = FeatureUpdater(image_, rules_, options_.node_id).update(request, decision.records);
  if (error || request.validate_only) decision.records = quorum::MetadataRecords(image_.metadata_version());
  if (error) {
    response.error_code = protocol::error_field(error->code);
    response.error_message = decision.reply.keep(
        "The update failed for all features since the following feature had an error: " + error->message);
    return decision;
  }
  if (context.api_version > 1) return decision;
  for (const Update& update : request.feature_updates) {
    auto& result = response.results.emplace_back();
    result.feature = decision.reply.keep(update.feature);
    result.error_message = "NONE";  // so Kafka says
  }
  return decision;
}

}  // namespace weir::broker
