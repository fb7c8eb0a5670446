#include "quorum/format.h"

#include <fmt/format.h>

#include <algorithm>

#include "quorum/checkpoint.h"
#include "quorum/metadata_record.h"
#include "quorum/raft_log.h"
#include "quorum/scram.h"
#include "storage/meta_properties.h"

namespace weir::quorum {
namespace {

using FirstVoters = FormatOptions::FirstVoters;

std::unexpected<Error> wrong(std::string message) { return fail(Errc::kInvalidArgument, std::move(message)); }

class Formatter {
 public:
  Formatter(Disk& disk, Random& random, const Clock& clock, const FormatOptions& options)
      : disk_(disk), random_(random), now_(clock.wall()), options_(options) {}

  Result<FormatReport> format() {
    TRY(check_options());
    TRY(choose_levels());
    TRY(find_directories());
    MetadataRecords records(metadata_version_);
    TRY(make_records(records));
    TRY(choose_directory_ids());
    for (const std::string& directory : report_.formatted) TRY(write_directory(directory, records));
    report_.metadata_version = metadata_version_;
    return std::move(report_);
  }

 private:
  Result<> check_options() const {
    if (options_.cluster_id.empty()) return wrong("a cluster id is needed: weir random-uuid makes one");
    if (options_.log_dirs.empty()) return wrong("there is no log directory to format");
    const bool says = options_.first_voters != FirstVoters::kUnsaid;
    if (options_.has_static_voters && says) {
      return wrong(
          "controller.quorum.voters is set: --standalone, --initial-controllers and --no-initial-controllers are "
          "for a quorum without it");
    }
    if (options_.is_controller && !options_.has_static_voters && !says) {
      return wrong(
          "controller.quorum.voters is not set on this controller: say --standalone (it is the only one at first), "
          "--initial-controllers or --no-initial-controllers");
    }
    const bool names_voters =
        options_.first_voters == FirstVoters::kStandalone || options_.first_voters == FirstVoters::kGiven;
    if (names_voters && !options_.is_controller) return wrong("a node that is no controller cannot be the first voter");
    if (options_.first_voters == FirstVoters::kGiven &&
        !options_.initial_controllers.voters().contains(options_.node_id)) {
      return wrong(fmt::format("node {} is not among the initial controllers", options_.node_id.value()));
    }
    return {};
  }

  // metadata.version first, then the defaults that follow from it, then what was asked for.
  Result<> choose_levels() {
    const auto asked = options_.features.find(kMetadataVersionFeature);
    if (asked != options_.features.end() && options_.release_version) {
      return wrong("--release-version and --feature metadata.version say the same thing: use one of them");
    }
    if (options_.release_version) metadata_version_ = *options_.release_version;
    if (asked != options_.features.end()) metadata_version_ = MetadataVersion(asked->second);
    if (!metadata_version_.is_supported()) {
      return wrong(fmt::format("metadata.version {} is not supported: {} to {} are", metadata_version_.level(),
                               kMinMetadataVersion.level(), kLatestMetadataVersion.level()));
    }
    for (const Feature& feature : features()) {
      levels_[feature.name] = feature.default_level(metadata_version_);
    }
    levels_[kKraftVersionFeature] = options_.has_static_voters ? int16_t{0} : int16_t{1};
    for (const auto& [name, level] : options_.features) {
      if (name == kMetadataVersionFeature) continue;
      const Feature* feature = find_feature(name);
      if (feature == nullptr) return wrong(fmt::format("there is no feature {}", name));
      if (!feature->supported.contains(level)) {
        return wrong(fmt::format("feature {} has levels {} to {}, not {}", name, feature->supported.min,
                                 feature->supported.max, level));
      }
      levels_[feature->name] = level;
    }
    return check_levels();
  }

  [[nodiscard]] Result<> check_levels() const {
    for (const auto& [name, level] : levels_) {
      const int16_t needs = find_feature(name)->needs_metadata_version;
      if (level > 0 && metadata_version_.level() < needs) {
        return wrong(
            fmt::format("{} {} needs metadata.version {} ({})", name, level, needs, MetadataVersion(needs).name()));
      }
    }
    if (levels_.at(kKraftVersionFeature) > 0 && options_.has_static_voters) {
      return wrong("kraft.version 1 is for a quorum without controller.quorum.voters");
    }
    if (levels_.at(kKraftVersionFeature) == 0 && options_.first_voters != FirstVoters::kUnsaid) {
      return wrong("kraft.version 0 knows voters from controller.quorum.voters only");
    }
    return {};
  }

  Result<> find_directories() {
    std::vector<std::string> all = options_.log_dirs;
    if (std::ranges::find(all, options_.metadata_log_dir) == all.end()) all.push_back(options_.metadata_log_dir);
    for (const std::string& directory : all) {
      const auto found = disk_.read_file(directory + "/meta.properties");
      if (!found && found.error().code == Errc::kNotFound) {
        report_.formatted.push_back(directory);
        continue;
      }
      if (!found) return std::unexpected(found.error());
      if (!options_.ignore_formatted) {
        return fail(Errc::kAlreadyExists,
                    fmt::format("{} is formatted already: --ignore-formatted leaves it alone and formats the others",
                                directory));
      }
      TRY_ASSIGN(const auto properties, storage::parse_meta_properties(*found));
      if (properties.cluster_id != options_.cluster_id || properties.node_id != options_.node_id) {
        return wrong(fmt::format("{} is formatted for node {} of cluster {}, not for node {} of cluster {}", directory,
                                 properties.node_id.value(), properties.cluster_id, options_.node_id.value(),
                                 options_.cluster_id));
      }
      report_.skipped.push_back(directory);
    }
    return {};
  }

  Result<> make_records(MetadataRecords& records) const {
    records.add(
        protocol::FeatureLevelRecord{.name = kMetadataVersionFeature, .feature_level = metadata_version_.level()});
    for (const auto& [name, level] : levels_) {
      // kraft.version stands in the quorum's own checkpoint.
      if (level == 0 || name == kKraftVersionFeature) continue;
      records.add(protocol::FeatureLevelRecord{.name = name, .feature_level = level});
    }
    for (const std::string& argument : options_.scram_credentials) {
      TRY_ASSIGN(const auto credential, parse_scram_argument(argument, random_));
      records.add(credential.record());
    }
    return {};
  }

  Result<> choose_directory_ids() {
    for (const std::string& directory : report_.formatted) {
      Uuid id = Uuid::random(random_);
      const bool is_voters = directory == options_.metadata_log_dir && options_.first_voters == FirstVoters::kGiven;
      // The other controllers were told of this one by its directory id.
      if (is_voters) id = options_.initial_controllers.voters().at(options_.node_id).key.directory_id;
      directory_ids_[directory] = id;
    }
    return {};
  }

  Result<> write_directory(const std::string& directory, const MetadataRecords& records) {
    TRY(disk_.create_directories(directory));
    TRY(sync_parent(directory));
    const CheckpointTarget target{directory, std::string(kBootstrapCheckpoint), LeaderEpoch(0), false};
    TRY(write_checkpoint(disk_, target, {}, records, now_));
    if (directory == options_.metadata_log_dir) TRY(write_voters(directory));
    // Last: a directory without it is not formatted.
    const storage::MetaProperties properties{options_.cluster_id, options_.node_id, directory_ids_.at(directory)};
    return disk_.write_file_atomically(directory + "/meta.properties", meta_properties_text(properties));
  }

  // The name of the directory itself must survive too.
  Result<> sync_parent(const std::string& directory) {
    const size_t slash = directory.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : directory.substr(0, slash);
    return disk_.sync_directory(parent);
  }

  Result<> write_voters(const std::string& directory) {
    VoterSet voters = options_.initial_controllers;
    if (options_.first_voters == FirstVoters::kStandalone) {
      Voter self;
      self.key = {options_.node_id, directory_ids_.at(directory)};
      self.endpoints.push_back(options_.controller_endpoint);
      voters = VoterSet({std::move(self)});
    } else if (options_.first_voters != FirstVoters::kGiven) {
      return {};
    }
    const std::string log = directory + "/" + std::string(kMetadataTopic) + "-0";
    TRY(disk_.create_directories(log));
    const CheckpointTarget target{log, checkpoint_name({}), LeaderEpoch(0), true};
    const CheckpointHeader header{now_, levels_.at(kKraftVersionFeature), std::move(voters)};
    return write_checkpoint(disk_, target, header, MetadataRecords(metadata_version_), now_);
  }

  Disk& disk_;
  Random& random_;
  Timestamp now_;
  const FormatOptions& options_;
  MetadataVersion metadata_version_ = kLatestMetadataVersion;
  std::map<std::string_view, int16_t> levels_;
  std::map<std::string, Uuid> directory_ids_;
  FormatReport report_;
};

}  // namespace

Result<FormatReport> format_directories(Disk& disk, Random& random, const Clock& clock, const FormatOptions& options) {
  return Formatter(disk, random, clock, options).format();
}

Result<> format_if_new(Disk& disk, Random& random, const Clock& clock, FormatOptions options) {
  const auto found = disk.read_file(options.metadata_log_dir + "/meta.properties");
  if (found) return {};
  if (found.error().code != Errc::kNotFound) return std::unexpected(found.error());
  options.cluster_id = Uuid::random(random).to_string();
  // Voters that the settings name need no other introduction.
  if (!options.has_static_voters) options.first_voters = FirstVoters::kStandalone;
  TRY(format_directories(disk, random, clock, options));
  return {};
}

}  // namespace weir::quorum
