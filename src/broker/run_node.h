// run_node: a weir node as a process: real seams, threads and signals around a Node.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "broker/config/broker_config.h"

namespace weir::broker {

struct StartOptions {
  std::optional<std::string> properties_file;                  // none: the defaults, formatted on first use
  std::vector<std::pair<std::string, std::string>> overrides;  // stronger than the file
  unsigned threads = 0;                                        // loop threads; 0: as weir.threads says, or one a core
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

// The configuration that a node is started with, checked. Errors name the file.
Result<BrokerConfig> read_config(const StartOptions& options);

// Runs until SIGTERM or SIGINT. Returns the exit code: 0 stopped, 1 failed, 2 wrong settings; what went wrong was told
// on standard error.
int run_node(const StartOptions& options);

}  // namespace weir::broker
