// Metrics that a client pushes: whatever it sends is read or refused, and what is read is read from its labelled form
// too.
#include "broker/telemetry/otlp.h"

#include "base/check.h"
#include "broker/telemetry/client_series.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const ByteView pushed(data, size);
  const broker::ClientAttributes client{.instance_id = Uuid(7, 1000), .client_id = "app"};
  const auto numbers = broker::read_pushed_numbers(pushed);
  const auto labelled = broker::label_metrics(pushed, client);
  if (!numbers) return 0;
  CHECK(labelled.has_value(), "what can be read can be labelled");
  const auto again = broker::read_pushed_numbers(as_bytes(*labelled));
  CHECK(again.has_value() && again->size() == numbers->size(), "labels change no number");
  broker::ClientSeries series;
  series.take(client, *numbers);
  CHECK(series.samples().size() <= broker::ClientSeries::kSeriesMax);
  return 0;
}
