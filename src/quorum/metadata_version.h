// The levels of metadata.version and of the other features: their names, defaults, and the versions that records have
// at a level. Constant; any thread. docs/formats/metadata-log.md lists them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weir::quorum {

struct VersionRange {
  int16_t min = 0;
  int16_t max = 0;
  [[nodiscard]] bool contains(int16_t level) const { return min <= level && level <= max; }
  friend bool operator==(const VersionRange&, const VersionRange&) = default;
};

class MetadataVersion {
 public:
  constexpr explicit MetadataVersion(int16_t level) : level_(level) {}

  // By name ("4.3-IV0", or "4.3" for the last level of that release); nothing for one that is not supported.
  static std::optional<MetadataVersion> parse(std::string_view name);

  [[nodiscard]] constexpr int16_t level() const { return level_; }
  // "4.3-IV0"; CHECKs that the level is supported.
  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] bool is_supported() const;

  [[nodiscard]] constexpr bool has_scram() const { return level_ >= 11; }
  [[nodiscard]] constexpr bool isr_shrink_keeps_leader_epoch() const { return level_ >= 12; }
  [[nodiscard]] constexpr bool has_transactions() const { return level_ >= 13; }
  [[nodiscard]] constexpr bool has_controller_registration() const { return level_ >= 15; }
  [[nodiscard]] constexpr bool has_directories() const { return level_ >= 17; }
  [[nodiscard]] constexpr bool has_kraft_version() const { return level_ >= 21; }
  [[nodiscard]] constexpr bool has_elr() const { return level_ >= 23; }
  [[nodiscard]] constexpr bool has_cordoned_directories() const { return level_ >= 30; }
  // Whether going down from this level to `lower` drops records or fields.
  [[nodiscard]] bool loses_metadata_below(MetadataVersion lower) const;

  // Of the records that have more than version 0.
  [[nodiscard]] constexpr int16_t register_broker_record() const {
    return has_cordoned_directories() ? 4 : has_directories() ? 3 : level_ >= 8 ? 2 : 1;
  }
  [[nodiscard]] constexpr int16_t partition_record() const { return has_elr() ? 2 : has_directories() ? 1 : 0; }

  friend constexpr auto operator<=>(MetadataVersion, MetadataVersion) = default;

 private:
  int16_t level_;
};

inline constexpr MetadataVersion kMinMetadataVersion{7};
inline constexpr MetadataVersion kLatestMetadataVersion{30};

inline constexpr std::string_view kMetadataVersionFeature = "metadata.version";
inline constexpr std::string_view kKraftVersionFeature = "kraft.version";
inline constexpr std::string_view kTransactionVersionFeature = "transaction.version";
inline constexpr std::string_view kGroupVersionFeature = "group.version";
inline constexpr std::string_view kElrFeature = "eligible.leader.replicas.version";
inline constexpr std::string_view kShareVersionFeature = "share.version";
inline constexpr std::string_view kStreamsVersionFeature = "streams.version";

struct Feature {
  std::string_view name;
  VersionRange supported;
  // The metadata.version from which on a new cluster has the feature at its highest level.
  int16_t default_from;
  // The metadata.version that the feature needs; 0 for any.
  int16_t needs_metadata_version;

  // At which a cluster formatted for `version` starts.
  [[nodiscard]] int16_t default_level(MetadataVersion version) const {
    return version.level() >= default_from ? supported.max : int16_t{0};
  }
};

// All features but metadata.version, kraft.version among them, sorted by name.
std::span<const Feature> features();
// nullptr when there is none of that name.
const Feature* find_feature(std::string_view name);
// What this node supports, metadata.version too; nothing for an unknown feature.
std::optional<VersionRange> supported_levels(std::string_view feature);

}  // namespace weir::quorum
