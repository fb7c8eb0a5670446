#include "cli/input_lines.h"

#include <fmt/format.h>

#include <boost/json/src.hpp>

#include "cli/record_template.h"

namespace weir::cli {

using client::ProducerRecord;
using client::RecordHeader;

bool LineSplitter::next(std::string_view& line) {
  if (start_ > 0 && start_ == pending_.size()) {
    pending_.clear();
    start_ = searched_ = 0;
  }
  size_t end = pending_.find('\n', std::max(start_, searched_));
  if (end == std::string::npos) {
    searched_ = pending_.size();
    if (!finished_ || start_ == pending_.size()) {
      // Only what is left of the last piece is moved, once a piece.
      pending_.erase(0, start_);
      searched_ -= start_;
      start_ = 0;
      return false;
    }
    end = pending_.size();
  }
  line = std::string_view(pending_).substr(start_, end - start_);
  start_ = std::min(end + 1, pending_.size());
  searched_ = start_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

Result<RecordParser> RecordParser::make(const Produce& options) {
  RecordParser parser;
  parser.options_ = options;
  TRY_ASSIGN(parser.key_separator_, unescape(options.key_separator));
  TRY_ASSIGN(parser.header_separator_, unescape(options.header_separator));
  if (options.json && (!options.key_separator.empty() || !options.header_separator.empty())) {
    return fail(Errc::kInvalidArgument,
                "--json has keys and headers of its own: leave --key-separator and "
                "--header-separator away");
  }
  if (options.key && !options.key_separator.empty()) {
    return fail(Errc::kInvalidArgument, "give either --key for all records or --key-separator, not both");
  }
  return parser;
}

Result<ProducerRecord> RecordParser::parse(std::string_view line) const {
  TRY_ASSIGN(ProducerRecord record, options_.json ? parse_json(line) : parse_text(line));
  record.topic = options_.topic;
  if (options_.partition) record.partition = PartitionIndex(*options_.partition);
  if (options_.key && !record.key) record.key = options_.key;
  for (const auto& [key, value] : options_.headers) record.headers.push_back({key, value});
  return record;
}

Result<ProducerRecord> RecordParser::parse_text(std::string_view line) const {
  ProducerRecord record;
  if (!header_separator_.empty()) {
    const size_t end = line.find(header_separator_);
    if (end == std::string_view::npos) {
      return fail(Errc::kInvalidArgument, fmt::format("no header separator '{}' in it", options_.header_separator));
    }
    std::string_view headers = line.substr(0, end);
    line.remove_prefix(end + header_separator_.size());
    while (!headers.empty()) {
      const std::string_view one = headers.substr(0, headers.find(','));
      headers.remove_prefix(std::min(one.size() + 1, headers.size()));
      const size_t equals = one.find('=');
      if (equals == std::string_view::npos) {
        return fail(Errc::kInvalidArgument, fmt::format("the header '{}' has no =", one));
      }
      record.headers.push_back({std::string(one.substr(0, equals)), std::string(one.substr(equals + 1))});
    }
  }
  if (!key_separator_.empty()) {
    const size_t end = line.find(key_separator_);
    if (end == std::string_view::npos) {
      return fail(Errc::kInvalidArgument, fmt::format("no key separator '{}' in it", options_.key_separator));
    }
    record.key = std::string(line.substr(0, end));
    line.remove_prefix(end + key_separator_.size());
  }
  if (options_.null_marker.empty() || line != options_.null_marker) record.value = std::string(line);
  return record;
}

namespace {

namespace json = boost::json;

// A string as it is; anything else in its JSON form, so that {"value": {"a": 1}} is taken as meant.
std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

// NAME or NAME_base64 of an object; absent and null give nothing.
Result<std::optional<std::string>> bytes_of(const json::object& object, const std::string& name) {
  if (const auto* encoded = object.if_contains(name + "_base64")) {
    auto decoded = encoded->is_string() ? from_base64(std::string_view(encoded->get_string())) : std::nullopt;
    if (!decoded) return fail(Errc::kInvalidArgument, fmt::format("\"{}_base64\" is not base64", name));
    return decoded;
  }
  const auto* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  return text_of(*value);
}

Result<std::vector<RecordHeader>> headers_of(const json::value& headers) {
  std::vector<RecordHeader> result;
  if (const auto* object = headers.if_object()) {
    for (const auto& [key, value] : *object) {
      result.push_back({std::string(key), value.is_null() ? std::nullopt : std::optional(text_of(value))});
    }
    return result;
  }
  if (!headers.is_array()) return fail(Errc::kInvalidArgument, R"("headers" is neither an object nor a list)");
  for (const json::value& header : headers.get_array()) {
    const auto* object = header.if_object();
    const auto* key = object == nullptr ? nullptr : object->if_contains("key");
    if (key == nullptr) return fail(Errc::kInvalidArgument, R"(a header without "key")");
    TRY_ASSIGN(auto value, bytes_of(*object, "value"));
    result.push_back({text_of(*key), std::move(value)});
  }
  return result;
}

Result<std::optional<int64_t>> number_of(const json::object& object, const std::string& name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_int64()) return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a whole number", name));
  return value->get_int64();
}

}  // namespace

Result<ProducerRecord> RecordParser::parse_json(std::string_view line) const {
  boost::system::error_code error;
  const json::value parsed = json::parse(json::string_view(line.data(), line.size()), error);
  if (error) return fail(Errc::kInvalidArgument, "not JSON: " + error.message());
  const auto* object = parsed.if_object();
  if (object == nullptr) return fail(Errc::kInvalidArgument, "not a JSON object");
  ProducerRecord record;
  TRY_ASSIGN(record.key, bytes_of(*object, "key"));
  TRY_ASSIGN(record.value, bytes_of(*object, "value"));
  if (const auto* headers = object->if_contains("headers")) {
    TRY_ASSIGN(record.headers, headers_of(*headers));
  }
  TRY_ASSIGN(const auto timestamp, number_of(*object, "timestamp"));
  if (timestamp) record.timestamp = Timestamp(*timestamp);
  TRY_ASSIGN(const auto partition, number_of(*object, "partition"));
  if (partition) record.partition = PartitionIndex(static_cast<int32_t>(*partition));
  return record;
}

}  // namespace weir::cli
