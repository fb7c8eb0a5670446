#include "arguments.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace weir::bench {

Arguments::Arguments(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || words.size() % 2 == 0) die("usage: MODE --name value ...", 2);
  mode_ = words[0];
  for (size_t i = 1; i < words.size(); i += 2) {
    if (!words[i].starts_with("--")) die("expected --name, not " + words[i], 2);
    values_.emplace_back(words[i].substr(2), words[i + 1]);
  }
}

std::string Arguments::text(const std::string& name) const {
  const std::vector<std::string> found = all(name);
  if (found.empty()) die("--" + name + " is missing", 2);
  return found.back();
}

std::string Arguments::text(const std::string& name, const std::string& otherwise) const {
  const std::vector<std::string> found = all(name);
  return found.empty() ? otherwise : found.back();
}

int64_t Arguments::number(const std::string& name) const {
  const std::string value = text(name);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) die("--" + name + " is no number: " + value, 2);
  return number;
}

int64_t Arguments::number(const std::string& name, int64_t otherwise) const {
  return all(name).empty() ? otherwise : number(name);
}

std::vector<std::string> Arguments::all(const std::string& name) const {
  std::vector<std::string> found;
  for (const auto& [key, value] : values_) {
    if (key == name) found.push_back(value);
  }
  return found;
}

void die(const std::string& message, int status) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(status);
}

int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace weir::bench
