// What weir reads and writes of OTLP, the format of pushed metrics: protocol buffers of
// opentelemetry/proto/metrics/v1/metrics.proto. Numbers of gauges and sums are read; anything else is passed over, and
// sent on as it is. The bytes are a client's: nothing in them is trusted. Plain functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "broker/telemetry/subscription.h"

namespace weir::broker {

struct PushedNumber {
  std::string_view metric;
  std::vector<std::pair<std::string_view, std::string>> attributes;
  double value = 0;
  bool is_delta = false;  // since the last push; otherwise it stands for itself
};

// Numbers of one push beyond which the rest is passed over: far more than the metrics that clients have.
inline constexpr size_t kPushedNumbersMax = 10'000;

// The numbers of a MetricsData, in its order; their views lie in `data`. kCorrupt when it is none.
Result<std::vector<PushedNumber>> read_pushed_numbers(ByteView data);

// The same MetricsData with what is known of the client added to each resource, as the labels of KIP-714. It is an
// ExportMetricsServiceRequest as well. kCorrupt as above.
Result<std::string> label_metrics(ByteView data, const ClientAttributes& client);

}  // namespace weir::broker
