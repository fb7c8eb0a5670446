#include "cli/format_main.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "base/real/posix_disk.h"
#include "base/real/system.h"
#include "broker/config/broker_config.h"
#include "broker/config/properties.h"
#include "cli/command_line.h"
#include "quorum/format.h"

namespace weir::cli {
namespace {

using quorum::FormatOptions;

// The listener that other controllers reach this node by.
Result<quorum::VoterEndpoint> controller_endpoint(const broker::BrokerConfig& config) {
  for (const auto* listeners : {&config.advertised_listeners(), &config.listeners()}) {
    for (const broker::ListenerConfig& listener : *listeners) {
      if (!config.is_controller_listener(listener.name)) continue;
      return quorum::VoterEndpoint{listener.name, listener.endpoint.host, listener.endpoint.port};
    }
  }
  return fail(Errc::kInvalidArgument,
              "--standalone needs a controller: no listener is named in controller.listener.names");
}

Result<> add_first_voters(FormatOptions& options, const Format& command, const broker::BrokerConfig& config) {
  if (command.standalone) {
    options.first_voters = FormatOptions::FirstVoters::kStandalone;
    TRY_ASSIGN(options.controller_endpoint, controller_endpoint(config));
  } else if (command.no_initial_controllers) {
    options.first_voters = FormatOptions::FirstVoters::kNone;
  } else if (!command.initial_controllers.empty()) {
    options.first_voters = FormatOptions::FirstVoters::kGiven;
    const auto& names = config.controller_listener_names();
    TRY_ASSIGN(options.initial_controllers,
               quorum::VoterSet::parse_initial(command.initial_controllers, names.empty() ? "" : names.front()));
  }
  return {};
}

Result<FormatOptions> options_of(const Format& command, const broker::BrokerConfig& config) {
  FormatOptions options{.cluster_id = command.cluster_id,
                        .node_id = config.node_id(),
                        .log_dirs = config.log_dirs(),
                        .metadata_log_dir = config.metadata_log_dir(),
                        .is_controller = config.is_controller(),
                        .has_static_voters = !config.quorum_voters().empty(),
                        .scram_credentials = command.scram_credentials,
                        .ignore_formatted = command.ignore_formatted};
  if (!command.release_version.empty()) {
    options.release_version = quorum::MetadataVersion::parse(command.release_version);
    if (!options.release_version) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("no release version '{}'; 4.3 is the latest", command.release_version));
    }
  }
  for (const auto& [name, level] : command.features) {
    int16_t number = 0;
    const auto [end, error] = std::from_chars(level.data(), level.data() + level.size(), number);
    if (error != std::errc() || end != level.data() + level.size()) {
      return fail(Errc::kInvalidArgument, fmt::format("the level of feature {} is no number: '{}'", name, level));
    }
    options.features[name] = number;
  }
  TRY(add_first_voters(options, command, config));
  return options;
}

Result<quorum::FormatReport> format(const Format& command) {
  PosixDisk disk;
  SystemRandom random;
  SystemClock clock;
  TRY_ASSIGN(const std::string text, disk.read_file(command.properties_file));
  TRY_ASSIGN(broker::ConfigMap settings, broker::parse_properties(text));
  const auto config = broker::BrokerConfig::make(std::move(settings), "localhost");
  if (!config) return fail(config.error().code, fmt::format("{}: {}", command.properties_file, config.error().message));
  TRY_ASSIGN(const FormatOptions options, options_of(command, *config));
  return quorum::format_directories(disk, random, clock, options);
}

}  // namespace

int run_format(const Format& command) {
  const auto report = format(command);
  if (!report) {
    fmt::print(stderr, "weir: {}\n", report.error().message);
    return report.error().code == Errc::kInvalidArgument ? kExitWrongUsage : kExitFailed;
  }
  for (const std::string& directory : report->skipped) fmt::print("{} was formatted before\n", directory);
  for (const std::string& directory : report->formatted) {
    fmt::print("formatted {} with metadata.version {}\n", directory, report->metadata_version.name());
  }
  return kExitDone;
}

}  // namespace weir::cli
