// RunningNode: a node of its own folder and free ports, for tests. Used by the test's main thread.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include "base/real/posix_disk.h"
#include "base/real/posix_network.h"
#include "base/real/process.h"
#include "base/real/system.h"
#include "broker/node.h"
#include "quorum/format.h"

namespace weir {

class RunningNode {
 public:
  enum class Directory : uint8_t { kGoes, kStays };  // with the node

  RunningNode() : RunningNode(make_directory(), Directory::kGoes) {}
  // In a directory that is there, on `disk`; nullptr: on one of its own.
  RunningNode(std::string directory, Directory afterwards, Disk* disk = nullptr)
      : directory_(std::move(directory)),
        afterwards_(afterwards),
        config_(make_config(directory_)),
        disk_(disk == nullptr ? own_disk_ : *disk) {
    quorum::FormatOptions format{.node_id = config_.node_id(),
                                 .log_dirs = config_.log_dirs(),
                                 .metadata_log_dir = config_.metadata_log_dir(),
                                 .first_voters = quorum::FormatOptions::FirstVoters::kStandalone,
                                 .controller_endpoint = {"CONTROLLER", "127.0.0.1", 9093}};
    const Result<> formatted = quorum::format_if_new(disk_, random_, clock_, std::move(format));
    CHECK(formatted.has_value(), "{}", formatted.error().message);
    const Result<> started = run([this] { return node_.start(); });
    CHECK(started.has_value(), "{}", started.error().message);
  }
  RunningNode(const RunningNode&) = delete;
  RunningNode& operator=(const RunningNode&) = delete;
  ~RunningNode() {
    run([this]() -> Task<Result<>> {
      co_await node_.stop();
      co_return Result<>();
    }).value();
    loops_.join();
    disk_threads_.finish();
    loops_.clear();
    if (afterwards_ == Directory::kGoes) std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] Endpoint address() const { return node_.client_address(); }

  static std::string make_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-node-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    return pattern;
  }

 private:
  static broker::BrokerConfig make_config(const std::string& directory) {
    broker::ConfigMap settings = broker::default_settings();
    settings["log.dirs"] = directory + "/data";
    settings["listeners"] = "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:9093";
    settings["weir.http.listener"] = "";
    settings["group.initial.rebalance.delay.ms"] = "0";
    auto config = broker::BrokerConfig::make(std::move(settings), "localhost");
    CHECK(config.has_value(), "{}", config.error().message);
    return *std::move(config);
  }
  // Runs a task of the node on its first loop and waits for it.
  template <class Start>
  Result<> run(Start start) {
    std::promise<Result<>> done;
    Loop& loop = *loops_.loops().front();
    loop.post([&] { loop.spawn(report(start, done)); });
    return done.get_future().get();
  }
  template <class Start>
  static Task<void> report(Start start, std::promise<Result<>>& done) {
    done.set_value(co_await start());
  }

  std::string directory_;
  Directory afterwards_;
  broker::BrokerConfig config_;
  SystemClock clock_;
  SystemRandom random_;
  PosixDisk own_disk_;
  Disk& disk_;
  SystemDiskThreads disk_threads_{2};
  PosixNetwork network_{disk_threads_};
  LoopThreads loops_{2, clock_};
  broker::Node node_{
      config_, {clock_, random_, disk_, disk_threads_, network_}, loops_.loops(), [](const Error& error) {
        CHECK(false, "{}", error.message);
      }};
};

}  // namespace weir
