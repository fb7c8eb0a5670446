// The command line of the benchmark programs: MODE --name value ... . A name may be given several times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::bench {

class Arguments {
 public:
  Arguments(int argc, char** argv);

  const std::string& mode() const { return mode_; }
  // The value of --name; without a default the program ends with status 2 where it is missing or no number.
  std::string text(const std::string& name) const;
  std::string text(const std::string& name, const std::string& otherwise) const;
  int64_t number(const std::string& name) const;
  int64_t number(const std::string& name, int64_t otherwise) const;
  std::vector<std::string> all(const std::string& name) const;

 private:
  std::string mode_;
  std::vector<std::pair<std::string, std::string>> values_;
};

// Prints the message and ends the program: a benchmark that goes on after an error would print a wrong number.
[[noreturn]] void die(const std::string& message, int status = 1);

// CLOCK_MONOTONIC, the clock of Python's time.monotonic_ns() too.
int64_t now_ns();

}  // namespace weir::bench
