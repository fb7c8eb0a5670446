// sim: runs the workloads of the simulator on seeds.
//
//   sim [--workload NAME] [--seeds N] [--start N] [--failures N] [--repeats N] [--minutes N]
//                                    runs seeds START..START+N-1 (default 200 from 1) of all workloads; of each no more
//                                    after so many failures, or minutes; each so many times, which must give the same
//                                    trace
//   sim --seed N [--workload NAME]   runs one seed and prints its trace
//
// A seed repeats a run exactly. Exit codes: 0 all invariants held, 1 one was broken, 2 wrong usage.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/log.h"
#include "sim/worlds/workloads.h"

namespace {

using namespace weir::sim;

struct Arguments {
  std::string_view workload;  // empty: all
  uint64_t seeds = 200;
  uint64_t start = 1;
  uint64_t failures_max = UINT64_MAX;
  uint64_t repeats = 1;
  std::optional<std::chrono::minutes> time_max;  // of a workload
  bool one = false;
};

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "usage: sim [--workload NAME] [--seeds N] [--start N] [--failures N] [--repeats N] [--minutes N]\n");
  std::fprintf(stderr, "       sim --seed N [--workload NAME]\n");
  for (const Workload& workload : all_workloads()) {
    std::fprintf(stderr, "  workload %.*s\n", static_cast<int>(workload.name.size()), workload.name.data());
  }
  std::exit(2);
}

uint64_t parse_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) usage();
  return number;
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--workload") {
      arguments.workload = value;
    } else if (name == "--seeds") {
      arguments.seeds = parse_number(value);
    } else if (name == "--start") {
      arguments.start = parse_number(value);
    } else if (name == "--failures") {
      arguments.failures_max = parse_number(value);
    } else if (name == "--repeats") {
      arguments.repeats = parse_number(value);
    } else if (name == "--minutes") {
      arguments.time_max = std::chrono::minutes(parse_number(value));
    } else if (name == "--seed") {
      arguments.start = parse_number(value);
      arguments.seeds = 1;
      arguments.one = true;
    } else {
      usage();
    }
  }
  if (argc % 2 == 0) usage();
  return arguments;
}

RunResult run_seed(const Workload& workload, uint64_t seed, const Arguments& arguments) {
  RunResult result = workload.run({.seed = seed, .print_trace = arguments.one});
  for (uint64_t i = 1; i < arguments.repeats && result.failure.empty(); ++i) {
    if (workload.run({.seed = seed}).trace_hash != result.trace_hash) {
      result.failure = "ASeedRepeatsExactly: a second run of it took another course";
    }
  }
  return result;
}

// Whether all seeds passed.
bool run(const Workload& workload, const Arguments& arguments) {
  uint64_t failed = 0;
  uint64_t passed = 0;
  uint64_t steps = 0;
  const auto began = std::chrono::steady_clock::now();
  for (uint64_t seed = arguments.start; seed < arguments.start + arguments.seeds && failed < arguments.failures_max;
       ++seed) {
    if (arguments.time_max && std::chrono::steady_clock::now() - began >= *arguments.time_max) break;
    const RunResult result = run_seed(workload, seed, arguments);
    steps += result.steps;
    if (result.failure.empty()) {
      ++passed;
      continue;
    }
    ++failed;
    std::printf("FAILED seed %llu: %s\n  repeat with: sim --workload %.*s --seed %llu\n",
                static_cast<unsigned long long>(seed), result.failure.c_str(), static_cast<int>(workload.name.size()),
                workload.name.data(), static_cast<unsigned long long>(seed));
    std::fflush(stdout);
  }
  std::printf("sim %.*s: %llu passed, %llu failed, %llu steps\n", static_cast<int>(workload.name.size()),
              workload.name.data(), static_cast<unsigned long long>(passed), static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(steps));
  return failed == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  bool found = false;
  bool passed = true;
  for (const Workload& workload : all_workloads()) {
    if (!arguments.workload.empty() && arguments.workload != workload.name) continue;
    found = true;
    passed = run(workload, arguments) && passed;
  }
  if (!found) usage();
  return passed ? 0 : 1;
}
