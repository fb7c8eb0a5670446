#include "broker/run_node.h"

#include <fmt/core.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "base/real/posix_disk.h"
#include "base/real/posix_network.h"
#include "base/real/process.h"
#include "base/real/system.h"
#include "broker/config/broker_config.h"
#include "broker/config/properties.h"
#include "broker/node.h"
#include "quorum/format.h"

namespace weir::broker {
namespace {

constexpr int kStopped = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// Waits for the device, mostly: more than cores, few enough not to fight over one disk.
constexpr size_t kDiskThreads = 4;

struct RealSeams {
  SystemClock clock;
  SystemRandom random;
  PosixDisk disk;
  SystemDiskThreads disk_threads;
  PosixNetwork network;

  explicit RealSeams(size_t threads) : disk_threads(threads), network(disk_threads) {}
  Seams all() { return {clock, random, disk, disk_threads, network}; }
};

void complain(std::string_view what) { fmt::print(stderr, "weir: {}\n", what); }

// The same error, with the file that it is about in front.
Error of_file(const StartOptions& options, Error error) {
  if (options.properties_file && !error.message.contains(*options.properties_file))
    error.message = fmt::format("{}: {}", *options.properties_file, error.message);
  return error;
}

Result<BrokerConfig> read_checked(const StartOptions& options) {
  ConfigMap settings = default_settings();
  if (options.properties_file) {
    PosixDisk disk;
    TRY_ASSIGN(const std::string text, disk.read_file(*options.properties_file));
    TRY_ASSIGN(settings, parse_properties(text));
  }
  for (const auto& [key, value] : options.overrides) settings[key] = value;
  TRY_ASSIGN(BrokerConfig config, BrokerConfig::make(std::move(settings), host_name()));
  return config;
}

// Without a file a node formats its directory when it is used first.
Result<> format_if_new(Disk& disk, Random& random, Clock& clock, const BrokerConfig& config) {
  const auto& voters = config.quorum_voters();
  quorum::FormatOptions options{.node_id = config.node_id(),
                                .log_dirs = config.log_dirs(),
                                .metadata_log_dir = config.metadata_log_dir(),
                                .is_controller = config.is_controller(),
                                .has_static_voters = !voters.empty()};
  if (voters.empty()) {
    for (const ListenerConfig& listener : config.advertised_listeners()) {
      if (!config.is_controller_listener(listener.name)) continue;
      options.controller_endpoint = {listener.name, listener.endpoint.host, listener.endpoint.port};
    }
  }
  return quorum::format_if_new(disk, random, clock, std::move(options));
}

class Process {
 public:
  Process(const BrokerConfig& config, RealSeams& seams, ProcessEvents& events, size_t threads, Node::MakeData make_data)
      : seams_(seams),
        make_data_(std::move(make_data)),
        events_(events),
        loops_(threads, seams.clock),
        node_(config, seams.all(), loops_.loops(), [this](const Error& error) { fail(error); }) {}

  int run() {
    const MonotonicTime began = seams_.clock.monotonic();
    home().post([this, began] { home().spawn(start(began)); });
    ProcessEvents::Event event = ProcessEvents::Event::kReload;
    while (event == ProcessEvents::Event::kReload) event = events_.wait();
    if (event == ProcessEvents::Event::kStop) stop_and_wait();
    loops_.join();
    seams_.disk_threads.finish();
    loops_.clear();
    return failed_ ? kFailed : kStopped;
  }

 private:
  Loop& home() { return *loops_.loops().front(); }

  // What is half started cannot be stopped in order: the stop follows the start, which recovery may make long. A second
  // signal does not wait for that; nothing was served yet, and the next start recovers what this one did not.
  void stop_and_wait() {
    log_info("node", started_ ? "stopping" : "stopping when it has started");
    home().post([this] {
      stop_requested_ = true;
      if (started_) {
        home().spawn(stop());
      } else {
        node_.abandon_start();
      }
    });
    while (events_.wait() != ProcessEvents::Event::kFinish) {
      if (!started_) {
        complain("ended while it was starting");
        std::_Exit(kFailed);
      }
      complain("still stopping");
    }
  }

  Task<void> start(MonotonicTime began) {
    const Result<> started = co_await node_.start(std::move(make_data_));
    if (!started && stop_requested_) co_return co_await stop();
    if (!started) {
      fail(started.error());
      co_return;
    }
    started_ = true;
    if (stop_requested_) co_return co_await stop();
    const auto took = std::chrono::duration_cast<milliseconds>(seams_.clock.monotonic() - began);
    fmt::print("weir {} node {} ready on {} in {} ms\n", WEIR_VERSION, node_.id().value(),
               node_.client_address().to_string(), took.count());
    std::fflush(stdout);
  }

  void fail(const Error& error) {
    failed_ = true;
    complain(error.message);
    events_.finish();
  }

  Task<void> stop() {
    co_await node_.stop();
    events_.finish();
  }

  RealSeams& seams_;
  Node::MakeData make_data_;
  ProcessEvents& events_;
  LoopThreads loops_;
  Node node_;
  bool failed_ = false;          // written on the first loop before finish()
  bool stop_requested_ = false;  // first loop only
  std::atomic<bool> started_ = false;
};

}  // namespace

Result<BrokerConfig> read_config(const StartOptions& options) {
  Result<BrokerConfig> config = read_checked(options);
  if (!config) return std::unexpected(of_file(options, std::move(config).error()));
  return config;
}

int run_node(const StartOptions& options) {
  ProcessEvents events;
  Result<BrokerConfig> config = read_config(options);
  if (!config) {
    complain(config.error().message);
    return config.error().code == Errc::kInvalidArgument ? kWrongUsage : kFailed;
  }
  RealSeams seams(config->disk_threads() == 0 ? kDiskThreads : config->disk_threads());
  configure_logging(seams.clock, options.log_level, options.log_format);
  for (const std::string& warning : config->warnings()) log_warn("config", warning);
  raise_descriptor_limit();
  Node::MakeData make_data;
  if (!options.properties_file) {
    make_data = [&] { return format_if_new(seams.disk, seams.random, seams.clock, *config); };
  }
  size_t threads = options.threads != 0 ? options.threads : config->threads();
  if (threads == 0) threads = core_count();
  return Process(*config, seams, events, threads, std::move(make_data)).run();
}

}  // namespace weir::broker
