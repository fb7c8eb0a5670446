#include "cli/doctor.h"

#include <fmt/format.h>

#include <map>

#include "base/real/machine.h"
#include "base/real/posix_disk.h"
#include "base/real/posix_network.h"
#include "base/real/system.h"
#include "broker/config/broker_config.h"
#include "storage/file_names.h"
#include "storage/log_directory.h"

namespace weir::cli {
namespace {

using broker::BrokerConfig;
using broker::ListenerConfig;
using broker::StartOptions;
using Severity = Finding::Severity;

// A connection takes one, a partition that is written to three.
constexpr uint64_t kDescriptorsWanted = 65536;
// Below either a disk is about to be full.
constexpr double kFreeShareMin = 0.05;
constexpr uint64_t kFreeBytesMin = uint64_t{1} << 30;
// Nothing was written before this release; records and retention go by the clock.
constexpr Timestamp kEarliestNow{1'767'225'600'000};  // 2026-01-01

class Examination {
 public:
  explicit Examination(const StartOptions& options) : options_(options) {}

  std::vector<Finding> run() {
    const Result<BrokerConfig> config = broker::read_config(options_);
    if (!config) {
      add(Severity::kProblem, "configuration", config.error().message, "the node does not start before it is mended");
    } else {
      look_at_settings(*config);
      for (const std::string& directory : config->log_dirs()) look_at_directory(*config, directory);
      look_at_devices(config->log_dirs());
      if (!is_running_) look_at_listeners(*config);
    }
    look_at_machine();
    std::vector<Finding> worst_first;
    for (const Severity severity : {Severity::kProblem, Severity::kWarning, Severity::kNote}) {
      for (const Finding& finding : findings_) {
        if (finding.severity == severity) worst_first.push_back(finding);
      }
    }
    return worst_first;
  }

 private:
  void add(Severity severity, std::string about, std::string what, std::string advice = {}) {
    findings_.push_back({severity, std::move(about), std::move(what), std::move(advice)});
  }

  void look_at_settings(const BrokerConfig& config) {
    for (const std::string& warning : config.warnings()) {
      add(Severity::kWarning, "configuration", warning, "correct it or take it out");
    }
    for (const ListenerConfig& listener : config.listeners()) {
      const std::string& host = listener.endpoint.host;
      if (host == "localhost" || host.starts_with("127.") || host == "::1") continue;
      add(Severity::kWarning, listener.name,
          fmt::format("{} takes connections from other machines, without encryption and without asking who they are",
                      listener.endpoint.to_string()),
          "let a firewall keep everybody out who may not read and write everything");
    }
  }

  void look_at_directory(const BrokerConfig& config, const std::string& directory) {
    const Result<FileInfo> there = disk_.stat(directory);
    if (!there) {
      // Without a file a node makes its directory when it is used first.
      if (options_.properties_file) not_formatted(directory, "does not exist");
      return;
    }
    if (!there->is_directory) return add(Severity::kProblem, directory, "is no directory", "name another in log.dirs");
    if (!may_write(directory)) {
      add(Severity::kProblem, directory, "may not be written by this user", "change its owner, or run as that one");
    }
    const auto properties = storage::LogDirectory::read_meta_properties(disk_, directory);
    if (!properties && properties.error().code == Errc::kNotFound) return not_formatted(directory, "is not formatted");
    if (!properties) return add(Severity::kProblem, directory, properties.error().message, "restore meta.properties");
    look_at_owner(config, directory, *properties);
    const std::optional<bool> locked = is_locked(directory);
    if (!locked) {
      is_running_ = true;
      add(Severity::kWarning, directory,
          "has a lock that this user may not read: whether a node runs with it is not known",
          "run this as the node's user");
    } else if (*locked) {
      is_running_ = true;
      add(Severity::kNote, directory, "is in use: a node runs with it");
    } else if (!storage::LogDirectory::was_left_clean(disk_, directory) && disk_.stat(directory + "/.lock")) {
      add(Severity::kNote, directory, "was not left by a clean stop: the next start recovers its logs");
    }
    look_for_strays(directory);
    look_at_room(directory);
  }

  void not_formatted(const std::string& directory, std::string_view what) {
    add(Severity::kProblem, directory, std::string(what),
        "run weir format --standalone -t CLUSTER_ID -c FILE for the first node of a cluster");
  }

  void look_at_owner(const BrokerConfig& config, const std::string& directory,
                     const storage::MetaProperties& properties) {
    if (properties.node_id != config.node_id()) {
      add(Severity::kProblem, directory,
          fmt::format("belongs to node {}, the configuration is of node {}", properties.node_id.value(),
                      config.node_id().value()),
          "correct node.id or log.dirs");
    }
    if (cluster_id_.empty()) cluster_id_ = properties.cluster_id;
    if (properties.cluster_id != cluster_id_) {
      add(Severity::kProblem, directory,
          fmt::format("belongs to cluster {}, other directories to cluster {}", properties.cluster_id, cluster_id_),
          "take it out of log.dirs");
    }
    if (!properties.directory_id) return;
    const auto [first, is_new] = ids_.emplace(properties.directory_id->to_string(), directory);
    if (!is_new) {
      add(Severity::kProblem, directory, "is a copy of " + first->second + ": both have the same directory.id",
          "take one of them out of log.dirs");
    }
  }

  void look_for_strays(const std::string& directory) {
    const auto listed = disk_.list(directory);
    if (!listed) return;
    size_t strays = 0;
    for (const FileInfo& entry : *listed) {
      const auto parsed = storage::parse_partition_directory(entry.name);
      strays += parsed && parsed->kind == storage::DirectoryKind::kStray ? 1 : 0;
    }
    if (strays > 0) {
      add(Severity::kWarning, directory,
          fmt::format("has {} folders (*-stray) that no topic wants; they take room", strays),
          "delete them when nobody misses their records");
    }
  }

  void look_at_room(const std::string& directory) {
    if (const auto space = disk_.space(directory); space && space->total > 0) {
      const double share = static_cast<double>(space->available) / static_cast<double>(space->total);
      if (share < kFreeShareMin || space->available < kFreeBytesMin) {
        add(Severity::kWarning, directory,
            fmt::format("has {} MiB left ({:.0f} %): a full disk takes no records", space->available >> 20,
                        share * 100),
            "make room, or lower retention.bytes and retention.ms");
      }
    }
    const auto system = file_system_of(directory);
    if (!system) return;
    if (system->files_total > 0 &&
        static_cast<double>(system->files_free) < kFreeShareMin * static_cast<double>(system->files_total)) {
      add(Severity::kWarning, directory, fmt::format("has room for {} more files only", system->files_free),
          "have fewer partitions, or a file system with more inodes");
    }
    if (system->medium == FileSystem::Medium::kMemory) {
      add(Severity::kWarning, directory, "is in memory (tmpfs): its records are gone with the machine's power",
          "put it on a disk");
    } else if (system->medium == FileSystem::Medium::kNetwork) {
      add(Severity::kWarning, directory, "is on a network or in user space: neither locks nor syncs are certain there",
          "put it on a local disk");
    }
  }

  void look_at_devices(const std::vector<std::string>& directories) {
    std::map<uint64_t, std::string> devices;
    for (const std::string& directory : directories) {
      const auto system = file_system_of(directory);
      if (!system) continue;
      const auto [first, is_new] = devices.emplace(system->device, directory);
      if (is_new) continue;
      add(Severity::kWarning, directory,
          "is on the same device as " + first->second + ": neither speed nor safety comes of that",
          "use one directory for each disk");
    }
  }

  void look_at_listeners(const BrokerConfig& config) {
    SystemClock clock;
    EpollLoop loop(ShardId(0), clock);
    SystemDiskThreads threads(1);
    PosixNetwork network(threads);
    const auto look = [&](const std::string& name, const Endpoint& endpoint) {
      if (auto listener = network.listen(loop, endpoint); !listener) {
        add(Severity::kProblem, name, listener.error().message, "stop what listens there, or choose another port");
      }
    };
    for (const ListenerConfig& listener : config.listeners()) {
      // A single voter does not listen for others.
      if (!config.is_controller_listener(listener.name)) look(listener.name, listener.endpoint);
    }
    if (config.http_listener()) look("weir.http.listener", *config.http_listener());
  }

  void look_at_machine() {
    if (const uint64_t limit = descriptor_limit(); limit < kDescriptorsWanted) {
      add(Severity::kWarning, "machine", fmt::format("allows {} open files: connections are refused above that", limit),
          fmt::format("raise the limit (ulimit -Hn, LimitNOFILE in systemd) to {}", kDescriptorsWanted));
    }
    if (has_swap()) {
      add(Severity::kNote, "machine", "has swap: a node that is swapped out answers late", "consider vm.swappiness=1");
    }
    SystemClock clock;
    if (clock.wall() < kEarliestNow) {
      add(Severity::kProblem, "machine",
          "has a clock that is years behind: records get wrong times, retention deletes wrongly",
          "set the clock, and keep it set (NTP)");
    }
  }

  const StartOptions& options_;
  PosixDisk disk_;
  std::vector<Finding> findings_;
  std::string cluster_id_;
  std::map<std::string, std::string> ids_;  // of directories
  bool is_running_ = false;                 // or may be
};

}  // namespace

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kProblem:
      break;
  }
  return "problem";
}

std::vector<Finding> examine(const StartOptions& options) { return Examination(options).run(); }

}  // namespace weir::cli
