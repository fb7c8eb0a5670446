#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/json/json.h"

namespace weir::cli {

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<size_t> widths;
  std::vector<bool> numbers(columns_.size(), true);
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = columns_[i].size();
    for (const auto& row : rows_) {
      width = std::max(width, row[i].size());
      const bool number = !row[i].empty() && row[i].find_first_not_of("0123456789,.-") == std::string::npos;
      numbers[i] = numbers[i] && number;
    }
    widths.push_back(width);
  }
  std::string out;
  const auto add_row = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += "  ";
      line += numbers[i] ? fmt::format("{:>{}}", cells[i], widths[i]) : fmt::format("{:<{}}", cells[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  add_row(columns_);
  for (const auto& row : rows_) add_row(row);
  return out;
}

void Json::comma() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

Json& Json::open(char bracket) {
  comma();
  out_ += bracket;
  needs_comma_ = false;
  return *this;
}

Json& Json::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
  return *this;
}

Json& Json::key(std::string_view name) {
  comma();
  protocol::append_json_string(out_, name);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

Json& Json::string(std::string_view text) {
  comma();
  protocol::append_json_string(out_, text);
  return *this;
}

Json& Json::decimal(double value) {
  comma();
  out_ += fmt::format("{}", value);
  return *this;
}

Json& Json::number(int64_t value) {
  comma();
  out_ += std::to_string(value);
  return *this;
}

Json& Json::boolean(bool value) {
  comma();
  out_ += value ? "true" : "false";
  return *this;
}

Json& Json::null() {
  comma();
  out_ += "null";
  return *this;
}

std::string with_commas(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t sign = number < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > sign + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string counted(int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", with_commas(number), noun, number == 1 ? "" : "s");
}

std::string in_bytes(double bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string in_ranges(const std::vector<int32_t>& numbers) {
  std::string out;
  for (size_t at = 0; at < numbers.size();) {
    size_t end = at;
    while (end + 1 < numbers.size() && numbers[end + 1] == numbers[end] + 1) ++end;
    if (!out.empty()) out += ',';
    out += std::to_string(numbers[at]);
    if (end > at) out += "-" + std::to_string(numbers[end]);
    at = end + 1;
  }
  return out;
}

}  // namespace weir::cli
