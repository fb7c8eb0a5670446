// Formatting: makes log directories those of one node of one cluster, as Kafka's storage tool does. The functions
// block; before a node starts, on any thread. Files: docs/formats/metadata-log.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/seams.h"
#include "base/types.h"
#include "quorum/metadata_version.h"
#include "quorum/voter_set.h"

namespace weir::quorum {

struct FormatOptions {
  std::string cluster_id;  // -t
  NodeId node_id;
  std::vector<std::string> log_dirs;
  std::string metadata_log_dir;  // one of log_dirs, or one of its own
  bool is_controller = true;
  bool has_static_voters = false;                        // controller.quorum.voters is set
  std::optional<MetadataVersion> release_version;        // --release-version
  std::map<std::string, int16_t, std::less<>> features;  // --feature NAME=LEVEL
  std::vector<std::string> scram_credentials;            // --add-scram, each "MECHANISM=[name=..,password=..]"
  bool ignore_formatted = false;                         // --ignore-formatted

  // How the first voters of a quorum with dynamic voters are known.
  enum class FirstVoters : uint8_t {
    kUnsaid,
    kStandalone,  // --standalone: this node alone, at `controller_endpoint`
    kGiven,       // --initial-controllers: `initial_controllers`, this node among them
    kNone,        // --no-initial-controllers: this node joins a quorum that is there
  };
  FirstVoters first_voters = FirstVoters::kUnsaid;
  VoterEndpoint controller_endpoint;
  VoterSet initial_controllers;
};

struct FormatReport {
  std::vector<std::string> formatted;  // directories
  std::vector<std::string> skipped;    // those that were formatted before
  MetadataVersion metadata_version = kLatestMetadataVersion;
};

// kInvalidArgument for options that contradict each other or the directories, kAlreadyExists for a directory that is
// formatted (and ignore_formatted is not set), kIo, kNoSpace. Nothing is written before everything was checked.
Result<FormatReport> format_directories(Disk& disk, Random& random, const Clock& clock, const FormatOptions& options);

// For a node that is started without a file: formats for a new cluster of this node alone, unless the metadata log
// directory is formatted already. `options` need no cluster id. Errors as above.
Result<> format_if_new(Disk& disk, Random& random, const Clock& clock, FormatOptions options);

}  // namespace weir::quorum
