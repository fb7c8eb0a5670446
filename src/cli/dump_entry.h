// DumpEntry: one line of weir log dump: a kind and named values, as text for people or as a JSON object. Plain; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace weir::cli {

class DumpEntry {
 public:
  explicit DumpEntry(std::string_view kind, int indent = 0) : kind_(kind), indent_(indent) {}
  DumpEntry& number(std::string_view name, int64_t value);
  DumpEntry& text(std::string_view name, std::string_view value);
  // Text where it is UTF-8, base64 otherwise (JSON: NAME_base64); null when absent.
  DumpEntry& bytes(std::string_view name, const std::optional<ByteView>& value);
  // A value that is JSON already.
  DumpEntry& json(std::string_view name, std::string value);
  // Appends the line with its end.
  void append_to(std::string& out, bool as_json) const;

 private:
  std::string kind_;
  int indent_;
  std::vector<std::pair<std::string, std::string>> values_;  // the value as JSON
};

}  // namespace weir::cli
