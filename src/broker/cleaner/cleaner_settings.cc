#include "broker/cleaner/cleaner_settings.h"

#include <algorithm>

#include "broker/config/config_value.h"

namespace weir::broker {
namespace {

// Kafka refuses to start with less for a thread; what is set at run time may be anything.
constexpr int64_t kMapBytesMin = 1 << 20;
constexpr int64_t kIoBufferBytesMin = 4096;
// More would not fit into the memory of any machine that the map is for; it keeps sums from overflowing.
constexpr int64_t kMapBytesMax = int64_t{1} << 40;

class Values {
 public:
  explicit Values(const BrokerLayers& layers) : layers_(layers) {}
  [[nodiscard]] std::string text(std::string_view name) const { return broker_value(layers_, name).value_or(""); }
  [[nodiscard]] int64_t integer(std::string_view name, int64_t low, int64_t high) const {
    return std::clamp(parse_integer(text(name), INT64_MIN, INT64_MAX).value_or(low), low, high);
  }
  [[nodiscard]] double number(std::string_view name) const { return parse_double(text(name)).value_or(0); }

 private:
  const BrokerLayers& layers_;
};

}  // namespace

CleanerSettings CleanerSettings::of(const BrokerLayers& layers) {
  const Values values(layers);
  const int64_t threads = values.integer("log.cleaner.threads", 0, UINT16_MAX);
  const int64_t shares = std::max<int64_t>(threads, 1);
  const int64_t map_bytes = values.integer("log.cleaner.dedupe.buffer.size", 0, kMapBytesMax) / shares;
  const int64_t io_bytes = values.integer("log.cleaner.io.buffer.size", 0, INT32_MAX) / shares / 2;
  const int64_t backoff_ms = values.integer("log.cleaner.backoff.ms", 0, INT32_MAX);
  return {.enabled = parse_boolean(values.text("log.cleaner.enable")).value_or(true),
          .at_once = static_cast<uint32_t>(threads),
          .map_bytes = static_cast<size_t>(std::max(map_bytes, kMapBytesMin)),
          .map_load_factor = values.number("log.cleaner.io.buffer.load.factor"),
          .io_buffer_bytes = static_cast<size_t>(std::max(io_bytes, kIoBufferBytesMin)),
          .bytes_per_second = values.number("log.cleaner.io.max.bytes.per.second") / static_cast<double>(shares),
          .backoff = milliseconds(backoff_ms)};
}

}  // namespace weir::broker
