// From lines of input to records. Plain; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/invocation.h"
#include "weir/record.h"

namespace weir::cli {

// Cuts input that comes in pieces into lines, without the line ends (\n or \r\n).
class LineSplitter {
 public:
  void add(std::string_view piece) { pending_.append(piece); }
  // No more comes: what is left is a line too.
  void finish() { finished_ = true; }
  // The next line into `line`, which is valid until the next call of anything; false when there is none yet.
  bool next(std::string_view& line);
  // A line longer than this is an error: it would be held in memory whole.
  static constexpr size_t kLineSizeMax = 256 << 20;
  [[nodiscard]] bool is_too_long() const { return pending_.size() - start_ > kLineSizeMax; }

 private:
  std::string pending_;
  size_t start_ = 0;
  size_t searched_ = 0;
  bool finished_ = false;
};

class RecordParser {
 public:
  // kInvalidArgument for separators with unknown escapes, and for options that exclude each other.
  static Result<RecordParser> make(const Produce& options);

  // A line is HEADER=VALUE,...SEP KEY SEP VALUE with the parts that the options ask for, or a JSON object with the
  // members key, value, headers (object, or list of {key, value}), partition, timestamp, as weir consume -o json prints
  // it. kInvalidArgument.
  Result<client::ProducerRecord> parse(std::string_view line) const;

 private:
  Result<client::ProducerRecord> parse_text(std::string_view line) const;
  Result<client::ProducerRecord> parse_json(std::string_view line) const;

  Produce options_;
  std::string key_separator_;
  std::string header_separator_;
};

}  // namespace weir::cli
