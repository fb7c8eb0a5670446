#include "quorum/metadata_version.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace weir::quorum {
namespace {

struct Level {
  int16_t level;
  std::string_view name;
  bool changes_metadata;
};

constexpr std::array kLevels = {
    Level{7, "3.3-IV3", true},   Level{8, "3.4-IV0", true},   Level{9, "3.5-IV0", false},  Level{10, "3.5-IV1", false},
    Level{11, "3.5-IV2", true},  Level{12, "3.6-IV0", false}, Level{13, "3.6-IV1", true},  Level{14, "3.6-IV2", true},
    Level{15, "3.7-IV0", true},  Level{16, "3.7-IV1", false}, Level{17, "3.7-IV2", true},  Level{18, "3.7-IV3", false},
    Level{19, "3.7-IV4", false}, Level{20, "3.8-IV0", false}, Level{21, "3.9-IV0", false}, Level{22, "4.0-IV0", false},
    Level{23, "4.0-IV1", true},  Level{24, "4.0-IV2", false}, Level{25, "4.0-IV3", false}, Level{26, "4.1-IV0", false},
    Level{27, "4.1-IV1", false}, Level{28, "4.2-IV0", false}, Level{29, "4.2-IV1", false}, Level{30, "4.3-IV0", true},
};
static_assert(kLevels.front().level == kMinMetadataVersion.level());
static_assert(kLevels.back().level == kLatestMetadataVersion.level());

constexpr std::array kFeatures = {
    Feature{kElrFeature, {0, 1}, 26, 23},           Feature{kGroupVersionFeature, {0, 1}, 22, 0},
    Feature{kKraftVersionFeature, {0, 1}, 21, 21},  Feature{kShareVersionFeature, {0, 1}, 28, 0},
    Feature{kStreamsVersionFeature, {0, 1}, 29, 0}, Feature{kTransactionVersionFeature, {0, 2}, 24, 0},
};
static_assert(std::ranges::is_sorted(kFeatures, {}, &Feature::name));

}  // namespace

std::optional<MetadataVersion> MetadataVersion::parse(std::string_view name) {
  for (const Level& level : kLevels) {
    if (level.name == name) return MetadataVersion(level.level);
  }
  std::optional<MetadataVersion> last;
  for (const Level& level : kLevels) {
    if (level.name.substr(0, level.name.find('-')) == name) last = MetadataVersion(level.level);
  }
  return last;
}

std::string_view MetadataVersion::name() const {
  CHECK(is_supported(), "metadata.version {}", level_);
  return kLevels[static_cast<size_t>(level_ - kLevels.front().level)].name;
}

bool MetadataVersion::is_supported() const { return *this >= kMinMetadataVersion && *this <= kLatestMetadataVersion; }

bool MetadataVersion::loses_metadata_below(MetadataVersion lower) const {
  return std::ranges::any_of(kLevels, [&](const Level& level) {
    return level.changes_metadata && level.level > lower.level_ && level.level <= level_;
  });
}

std::span<const Feature> features() { return kFeatures; }

const Feature* find_feature(std::string_view name) {
  const auto* found = std::ranges::find(kFeatures, name, &Feature::name);
  return found == kFeatures.end() ? nullptr : found;
}

std::optional<VersionRange> supported_levels(std::string_view feature) {
  if (feature == kMetadataVersionFeature) {
    return VersionRange{kMinMetadataVersion.level(), kLatestMetadataVersion.level()};
  }
  const Feature* found = find_feature(feature);
  if (found == nullptr) return std::nullopt;
  return found->supported;
}

}  // namespace weir::quorum
