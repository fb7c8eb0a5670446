// What commands print: tables for people, JSON for programs. Plain: the text is made here and written elsewhere. Any
// thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace weir::cli {

// Columns wide enough for what is in them; numbers (cells that begin with a digit or a minus) to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Writes one JSON value piece by piece; commas come by themselves.
class Json {
 public:
  Json& begin_object() { return open('{'); }
  Json& end_object() { return close('}'); }
  Json& begin_array() { return open('['); }
  Json& end_array() { return close(']'); }
  Json& key(std::string_view name);
  Json& string(std::string_view text);
  Json& number(int64_t value);
  Json& decimal(double value);
  Json& boolean(bool value);
  Json& null();
  [[nodiscard]] const std::string& text() const { return out_; }

 private:
  Json& open(char bracket);
  Json& close(char bracket);
  void comma();

  std::string out_;
  bool needs_comma_ = false;
};

// 1,234,567
std::string with_commas(int64_t number);
// 1 record, 1,234 records
std::string counted(int64_t number, std::string_view noun);
// 1.2 MiB
std::string in_bytes(double bytes);
// 0-3,5 of ascending numbers
std::string in_ranges(const std::vector<int32_t>& numbers);

}  // namespace weir::cli
