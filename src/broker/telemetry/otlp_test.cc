#include "broker/telemetry/otlp.h"

#include <gtest/gtest.h>

#include <bit>

#include "broker/telemetry/client_series.h"

namespace weir::broker {
namespace {

// Fields of the messages, as protocol buffers write them; all are short.
std::string bytes(int number, std::string_view content) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} + std::string(content);
}
std::string varint(int number, int value) { return {static_cast<char>(number << 3), static_cast<char>(value)}; }
std::string fixed64(int number, uint64_t value) {
  std::string out{static_cast<char>(number << 3 | 1)};
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::string number(double value) { return fixed64(4, std::bit_cast<uint64_t>(value)); }
std::string attribute(std::string_view key, std::string_view value) {
  return bytes(7, bytes(1, key) + bytes(2, bytes(1, value)));
}
std::string gauge(std::string_view name, std::string_view point) {
  return bytes(2, bytes(1, name) + bytes(5, bytes(1, point)));
}
std::string sum(std::string_view name, std::string_view point, bool is_delta) {
  return bytes(2, bytes(1, name) + bytes(7, bytes(1, point) + varint(2, is_delta ? 1 : 2)));
}
std::string message(std::string_view metrics) { return bytes(1, bytes(2, metrics)); }

const ClientAttributes kClient{.instance_id = Uuid(7, 1000), .client_id = "app \"one\""};

TEST(Otlp, ReadsTheNumbersOfGaugesAndSums) {
  const std::string pushed =
      message(gauge("a", number(1.5) + attribute("node_id", "1")) +
              sum("b", fixed64(6, static_cast<uint64_t>(-3)), true) + sum("c", number(2), false));
  const auto numbers = read_pushed_numbers(as_bytes(pushed));
  ASSERT_TRUE(numbers.has_value());
  ASSERT_EQ(numbers->size(), 3U);
  EXPECT_EQ((*numbers)[0].metric, "a");
  EXPECT_EQ((*numbers)[0].value, 1.5);
  ASSERT_EQ((*numbers)[0].attributes.size(), 1U);
  EXPECT_EQ((*numbers)[0].attributes[0].first, "node_id");
  EXPECT_EQ((*numbers)[0].attributes[0].second, "1");
  EXPECT_EQ((*numbers)[1].value, -3);
  EXPECT_TRUE((*numbers)[1].is_delta);
  EXPECT_FALSE((*numbers)[2].is_delta);
}

TEST(Otlp, PassesOverWhatItDoesNotKnow) {
  const std::string pushed = message(bytes(2, bytes(1, "histogram") + bytes(9, "what")) + bytes(15, "new") +
                                     gauge("a", number(1) + varint(8, 1)));
  EXPECT_EQ(read_pushed_numbers(as_bytes(pushed))->size(), 1U);
}

TEST(Otlp, EveryCutOfAPushIsEitherReadOrRefused) {
  const std::string pushed = message(gauge("a", number(1.5) + attribute("node_id", "1")));
  for (size_t size = 1; size < pushed.size(); ++size) {
    const auto numbers = read_pushed_numbers(as_bytes(pushed).first(size));
    ASSERT_FALSE(numbers.has_value()) << size;
    EXPECT_EQ(numbers.error().code, Errc::kCorrupt);
  }
}

TEST(Otlp, LabelsAreAddedToEachResource) {
  const std::string pushed = message(gauge("a", number(1))) + message(gauge("b", number(2)));
  const auto labelled = label_metrics(as_bytes(pushed), kClient);
  ASSERT_TRUE(labelled.has_value());
  EXPECT_EQ(read_pushed_numbers(as_bytes(*labelled))->size(), 2U);
  size_t count = 0;
  for (size_t at = labelled->find("client_instance_id"); at != std::string::npos;
       at = labelled->find("client_instance_id", at + 1))
    ++count;
  EXPECT_EQ(count, 2U);
  EXPECT_TRUE(labelled->contains(kClient.client_id));
}

PushedNumber pushed_number(std::string_view metric, double value, bool is_delta) {
  return {.metric = metric, .attributes = {}, .value = value, .is_delta = is_delta};
}

TEST(ClientSeries, DeltasAddUpAndOtherNumbersStandForThemselves) {
  ClientSeries series;
  for (int i = 0; i < 2; ++i) series.take(kClient, {pushed_number("a", 2, true), pushed_number("b", 2, false)});
  const auto samples = series.samples();
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].value, 4);
  EXPECT_EQ(samples[1].value, 2);
  EXPECT_TRUE(samples[0].labels.contains(R"(client_id="app \"one\"")")) << samples[0].labels;
  series.forget(kClient.instance_id);
  EXPECT_TRUE(series.samples().empty());
}

TEST(ClientSeries, BeyondTheMostNumbersAreCountedAndLeftOut) {
  ClientSeries series;
  for (size_t i = 0; i < ClientSeries::kSeriesMax + 5; ++i)
    series.take(kClient, {pushed_number(std::to_string(i), 1, false)});
  series.take(kClient, {pushed_number(std::string(2000, 'x'), 1, false)});
  EXPECT_EQ(series.samples().size(), ClientSeries::kSeriesMax);
  EXPECT_EQ(series.left_out(), 6U);
}

}  // namespace
}  // namespace weir::broker
