// The program `weir`: picks the real clock, disk, network and threads, and carries out one command.
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "base/real/posix_disk.h"
#include "base/real/posix_network.h"
#include "base/real/system.h"
#include "base/uuid.h"
#include "broker/run_node.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/doctor_main.h"
#include "cli/format_main.h"

#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#endif

namespace weir::cli {
namespace {

LogLevel log_level(const std::string& name) {
  return name == "debug"   ? LogLevel::kDebug
         : name == "warn"  ? LogLevel::kWarn
         : name == "error" ? LogLevel::kError
                           : LogLevel::kInfo;
}

int run(const Start& command) {
  broker::StartOptions options;
  if (!command.properties_file.empty()) options.properties_file = command.properties_file;
  options.overrides = command.overrides;
  options.threads = command.threads;
  options.log_level = log_level(command.log_level);
  options.log_format = command.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  return broker::run_node(options);
}

int run(const Format& command) { return run_format(command); }

int run(const RandomUuid&) {
  SystemRandom random;
  std::puts(Uuid::random(random).to_string().c_str());
  return kExitDone;
}

// Most commands just end. Those that end in order end at once with the second interrupt.
Task<void> give_up_when_interrupted(Context& context, Interrupts& signals) {
  while (signals.count() < (context.heeds_interrupts() ? 2 : 1)) co_await signals.arrived().wait();
  context.clear_progress();
  ::_exit(context.interrupted_exit_code());
}

template <class Command>
Task<void> carry_out(Context& context, Command command, int& exit_code) {
  auto result = co_await run_command(context, std::move(command));
  if (result) {
    exit_code = *result;
  } else if (context.output_closed()) {
    exit_code = kExitDone;
  } else {
    context.tell("weir: " + result.error().message);
    exit_code = result.error().code == Errc::kInvalidArgument ? kExitWrongUsage : kExitFailed;
  }
  context.loop().stop();
}

template <class Command>
int run_with_cluster(Command command, const ClusterOptions& cluster) {
  SystemClock clock;
  SystemRandom random;
  PosixDisk disk;
  EpollLoop loop(ShardId(0), clock);
  Interrupts signals(loop, {SIGINT, SIGTERM});
  // Heap-allocated and never freed: a thread may hang in a read of the terminal, and the process does not wait for it.
  auto* disk_threads = new SystemDiskThreads(2);
  PosixNetwork network(*disk_threads);
  configure_logging(clock, LogLevel::kWarn, LogFormat::kText);
  Context context(Seams{clock, random, disk, *disk_threads, network}, loop, signals, cluster);
  int exit_code = kExitFailed;
  // A reader that has gone is noticed where it is written to.
  std::signal(SIGPIPE, SIG_IGN);
  loop.spawn(give_up_when_interrupted(context, signals));
  loop.spawn(carry_out(context, std::move(command), exit_code));
  loop.run();
  loop.clear();
  return exit_code;
}

// LeakSanitizer looks for leaks in exit(), which main() goes past.
void check_for_leaks() {
#if __has_feature(address_sanitizer)
  __lsan_do_leak_check();
#endif
}

int run(const Invocation& invocation) {
  return std::visit(
      [&](const auto& command) {
        using Command = std::decay_t<decltype(command)>;
        if constexpr (std::is_same_v<Command, Start> || std::is_same_v<Command, Format> ||
                      std::is_same_v<Command, RandomUuid>) {
          return run(command);
        } else if constexpr (std::is_same_v<Command, Doctor>) {
          return run_doctor(command, invocation.cluster.output);
        } else if constexpr (std::is_same_v<Command, Version>) {
          const bool json = invocation.cluster.output == OutputFormat::kJson;
          std::puts(json ? R"({"version":")" WEIR_VERSION R"(","kafka":"4.3.1"})" : kVersionLine);
          return kExitDone;
        } else {
          return run_with_cluster(command, invocation.cluster);
        }
      },
      invocation.command);
}

}  // namespace
}  // namespace weir::cli

int main(int argc, char** argv) {
  const char* bootstrap = std::getenv("WEIR_BOOTSTRAP");
  const auto parsed =
      weir::cli::parse_command_line({argv + 1, argv + argc}, bootstrap == nullptr ? "" : std::string(bootstrap));
  if (!parsed) {
    std::fputs(parsed.error().text.c_str(), parsed.error().exit_code == weir::cli::kExitDone ? stdout : stderr);
    return parsed.error().exit_code;
  }
  const int exit_code = weir::cli::run(*parsed);
  const bool written = std::fflush(stdout) == 0 || errno == EPIPE;
  weir::cli::check_for_leaks();
  // Not exit(): a disk thread may sit in a read of the terminal that nobody will answer.
  ::_exit(exit_code == weir::cli::kExitDone && !written ? weir::cli::kExitFailed : exit_code);
}
