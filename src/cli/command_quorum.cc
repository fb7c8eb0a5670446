// weir quorum add-controller, weir quorum remove-controller
#include <fmt/format.h>

#include <algorithm>

#include "broker/config/broker_config.h"
#include "broker/config/properties.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "storage/log_directory.h"
#include "weir/admin.h"

namespace weir::cli {
namespace {

using client::Admin;
using client::QuorumReplica;
using client::VoterListener;

struct Controller {
  NodeId id;
  Uuid directory_id;
  std::vector<VoterListener> listeners;
};

// What the file and the directories of a controller say of it. Blocks. kInvalidArgument, kNotFound, kCorrupt.
Result<Controller> read_controller(Disk& disk, const std::string& file) {
  TRY_ASSIGN(const std::string text, disk.read_file(file));
  TRY_ASSIGN(broker::ConfigMap settings, broker::parse_properties(text));
  const auto config = broker::BrokerConfig::make(std::move(settings), "localhost");
  if (!config) return fail(config.error().code, fmt::format("{}: {}", file, config.error().message));
  if (!config->is_controller()) {
    return fail(Errc::kInvalidArgument, fmt::format("{}: process.roles has no controller", file));
  }
  TRY_ASSIGN(const auto properties, storage::LogDirectory::read_meta_properties(disk, config->metadata_log_dir()));
  if (!properties.directory_id) {
    return fail(Errc::kInvalidArgument, fmt::format("{} has no directory.id yet: it gets one when the node starts",
                                                    config->metadata_log_dir()));
  }
  Controller controller{.id = config->node_id(), .directory_id = *properties.directory_id};
  for (const broker::ListenerConfig& listener : config->advertised_listeners()) {
    if (config->is_controller_listener(listener.name))
      controller.listeners.push_back({listener.name, listener.endpoint});
  }
  return controller;
}

Task<Result<int>> tell_outcome(Context& context, NodeId id, Uuid directory_id, std::string_view what) {
  Json json;
  json.begin_object().key("id").number(id.value()).key("directory").string(directory_id.to_string()).end_object();
  const std::string text = fmt::format("controller {} {}\n", id.value(), what);
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : text));
  co_return kExitDone;
}

}  // namespace

Task<Result<int>> run_command(Context& context, QuorumAddController command) {
  CO_TRY_ASSIGN(const Controller controller,
                co_await context.disk_threads().run(
                    [&disk = context.disk(), file = command.properties_file] { return read_controller(disk, file); }));
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY(co_await admin.add_voter(controller.id, controller.directory_id, controller.listeners));
  co_return co_await tell_outcome(context, controller.id, controller.directory_id, "is a voter");
}

Task<Result<int>> run_command(Context& context, QuorumRemoveController command) {
  const NodeId id(command.id);
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  Uuid directory_id;
  if (command.directory.empty()) {
    CO_TRY_ASSIGN(const auto quorum, co_await admin.describe_quorum());
    const auto voter = std::ranges::find(quorum.voters, id, &QuorumReplica::id);
    if (voter == quorum.voters.end()) {
      co_return fail(Errc::kNotFound, fmt::format("controller {} is no voter", id.value()));
    }
    directory_id = voter->directory_id;
    if (directory_id.is_zero()) {
      co_return fail(Errc::kUnsupported, "the voters of this cluster are fixed by controller.quorum.voters");
    }
  } else {
    const auto given = Uuid::parse(command.directory);
    if (!given) co_return fail(Errc::kInvalidArgument, "--directory: a directory id has 22 characters");
    directory_id = *given;
  }
  CO_TRY(co_await admin.remove_voter(id, directory_id));
  co_return co_await tell_outcome(context, id, directory_id, "is no voter any more");
}

}  // namespace weir::cli
