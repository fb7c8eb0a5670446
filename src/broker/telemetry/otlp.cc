#include "broker/telemetry/otlp.h"

#include <fmt/format.h>

#include <bit>
#include <optional>

namespace weir::broker {
namespace {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// The numbers that the fields have in their messages.
namespace field {
constexpr uint32_t kResourceMetrics = 1;  // of MetricsData
constexpr uint32_t kResource = 1;         // of ResourceMetrics
constexpr uint32_t kScopeMetrics = 2;
constexpr uint32_t kMetrics = 2;  // of ScopeMetrics
constexpr uint32_t kName = 1;     // of Metric
constexpr uint32_t kGauge = 5;
constexpr uint32_t kSum = 7;
constexpr uint32_t kDataPoints = 1;   // of Gauge and Sum
constexpr uint32_t kTemporality = 2;  // of Sum
constexpr uint32_t kAsDouble = 4;     // of NumberDataPoint
constexpr uint32_t kAsInt = 6;
constexpr uint32_t kPointAttributes = 7;
constexpr uint32_t kResourceAttributes = 1;  // of Resource
constexpr uint32_t kKey = 1;                 // of KeyValue
constexpr uint32_t kValue = 2;
constexpr uint32_t kStringValue = 1;  // of AnyValue
constexpr uint32_t kBoolValue = 2;
constexpr uint32_t kIntValue = 3;
}  // namespace field

constexpr uint64_t kTemporalityDelta = 1;

std::unexpected<Error> corrupt(std::string message) { return fail(Errc::kCorrupt, std::move(message)); }

struct Field {
  uint32_t number = 0;
  WireType type{};
  uint64_t number_value = 0;  // of a varint or a fixed one
  ByteView bytes{};
};

// Goes through the fields of one message.
class Fields {
 public:
  explicit Fields(ByteView message) : left_(message) {}

  // Nothing at the end.
  Result<std::optional<Field>> next() {
    if (left_.empty()) return std::nullopt;
    TRY_ASSIGN(const uint64_t tag, varint());
    Field found{.number = static_cast<uint32_t>(tag >> 3), .type = static_cast<WireType>(tag & 7)};
    if (found.number == 0) return corrupt("a field without a number");
    switch (found.type) {
      case WireType::kVarint: {
        TRY_ASSIGN(found.number_value, varint());
        return found;
      }
      case WireType::kFixed64: {
        TRY_ASSIGN(found.number_value, fixed(8));
        return found;
      }
      case WireType::kFixed32: {
        TRY_ASSIGN(found.number_value, fixed(4));
        return found;
      }
      case WireType::kBytes: {
        TRY_ASSIGN(const uint64_t size, varint());
        if (size > left_.size()) return corrupt("a field runs past the end of its message");
        found.bytes = left_.first(size);
        left_ = left_.subspan(size);
        return found;
      }
    }
    return corrupt("a field of an unknown wire type");
  }

 private:
  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) break;
      const uint8_t byte = left_.front();
      left_ = left_.subspan(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return corrupt("a number runs past its end");
  }
  Result<uint64_t> fixed(size_t size) {
    if (left_.size() < size) return corrupt("a number runs past the end of its message");
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value |= static_cast<uint64_t>(left_[i]) << (8 * i);
    left_ = left_.subspan(size);
    return value;
  }

  ByteView left_;
};

// Calls `visit(Field)`, which yields a Result<>, for each field of a message.
template <class Visit>
Result<> for_each_field(ByteView message, Visit visit) {
  Fields fields(message);
  for (;;) {
    TRY_ASSIGN(const auto one, fields.next());
    if (!one) return {};
    TRY(visit(*one));
  }
}

// Calls `visit(ByteView)` for each message that the field `number` of a message holds.
template <class Visit>
Result<> for_each_message(ByteView message, uint32_t number, Visit visit) {
  return for_each_field(message, [&](const Field& one) -> Result<> {
    if (one.number != number || one.type != WireType::kBytes) return {};
    return visit(one.bytes);
  });
}

Result<std::string> read_value(ByteView any_value) {
  std::string text;
  TRY(for_each_field(any_value, [&](const Field& one) -> Result<> {
    if (one.number == field::kStringValue) text = as_text(one.bytes);
    if (one.number == field::kBoolValue) text = one.number_value != 0 ? "true" : "false";
    if (one.number == field::kIntValue) text = std::to_string(static_cast<int64_t>(one.number_value));
    return {};
  }));
  return text;
}

Result<> read_attribute(ByteView key_value, PushedNumber& number) {
  std::string_view key;
  std::string value;
  TRY(for_each_field(key_value, [&](const Field& one) -> Result<> {
    if (one.number == field::kKey) key = as_text(one.bytes);
    if (one.number == field::kValue) {
      TRY_ASSIGN(value, read_value(one.bytes));
    }
    return {};
  }));
  number.attributes.emplace_back(key, std::move(value));
  return {};
}

Result<> read_point(ByteView point, PushedNumber number, std::vector<PushedNumber>& numbers) {
  bool has_value = false;
  TRY(for_each_field(point, [&](const Field& one) -> Result<> {
    if (one.number == field::kPointAttributes) return read_attribute(one.bytes, number);
    if (one.type != WireType::kFixed64) return {};
    if (one.number == field::kAsDouble) {
      number.value = std::bit_cast<double>(one.number_value);
      has_value = true;
    } else if (one.number == field::kAsInt) {
      number.value = static_cast<double>(static_cast<int64_t>(one.number_value));
      has_value = true;
    }
    return {};
  }));
  if (has_value && numbers.size() < kPushedNumbersMax) numbers.push_back(std::move(number));
  return {};
}

Result<> read_metric(ByteView metric, std::vector<PushedNumber>& numbers) {
  PushedNumber number;
  ByteView points;  // a Gauge or a Sum
  TRY(for_each_field(metric, [&](const Field& one) -> Result<> {
    if (one.type != WireType::kBytes) return {};
    if (one.number == field::kName) number.metric = as_text(one.bytes);
    if (one.number == field::kGauge || one.number == field::kSum) points = one.bytes;
    if (one.number != field::kSum) return {};
    return for_each_field(one.bytes, [&](const Field& of_sum) -> Result<> {
      if (of_sum.number == field::kTemporality) number.is_delta = of_sum.number_value == kTemporalityDelta;
      return {};
    });
  }));
  return for_each_message(points, field::kDataPoints,
                          [&](ByteView point) { return read_point(point, number, numbers); });
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_bytes(std::string& out, uint32_t number, std::string_view bytes) {
  put_varint(out, uint64_t{number} << 3 | static_cast<uint64_t>(WireType::kBytes));
  put_varint(out, bytes.size());
  out += bytes;
}

void put_attribute(std::string& resource, std::string_view key, std::string_view value) {
  std::string any_value;
  put_bytes(any_value, field::kStringValue, value);
  std::string key_value;
  put_bytes(key_value, field::kKey, key);
  put_bytes(key_value, field::kValue, any_value);
  put_bytes(resource, field::kResourceAttributes, key_value);
}

}  // namespace

Result<std::vector<PushedNumber>> read_pushed_numbers(ByteView data) {
  std::vector<PushedNumber> numbers;
  TRY(for_each_message(data, field::kResourceMetrics, [&](ByteView resource) {
    return for_each_message(resource, field::kScopeMetrics, [&](ByteView scope) {
      return for_each_message(scope, field::kMetrics, [&](ByteView metric) { return read_metric(metric, numbers); });
    });
  }));
  return numbers;
}

Result<std::string> label_metrics(ByteView data, const ClientAttributes& client) {
  std::string resource;
  put_attribute(resource, "client_instance_id", client.instance_id.to_string());
  put_attribute(resource, "client_id", client.client_id);
  put_attribute(resource, "client_software_name", client.software_name);
  put_attribute(resource, "client_software_version", client.software_version);
  put_attribute(resource, "client_source_address", client.source_address);
  put_attribute(resource, "client_source_port", client.source_port);
  std::string out;
  TRY(for_each_message(data, field::kResourceMetrics, [&](ByteView metrics) -> Result<> {
    // A message that stands twice in another one is merged: these attributes come behind those that are there.
    std::string labelled(as_text(metrics));
    put_bytes(labelled, field::kResource, resource);
    put_bytes(out, field::kResourceMetrics, labelled);
    return {};
  }));
  return out;
}

}  // namespace weir::broker
