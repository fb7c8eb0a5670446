#include "broker/telemetry/client_series.h"

#include <fmt/format.h>

#include <iterator>

#include "broker/metrics/label.h"

namespace weir::broker {
namespace {

std::string labels_of(const ClientAttributes& client, const PushedNumber& number) {
  std::string attributes;
  for (const auto& [key, value] : number.attributes) {
    fmt::format_to(std::back_inserter(attributes), "{}{}={}", attributes.empty() ? "" : ",", key, value);
  }
  return fmt::format(R"(metric="{}",attributes="{}",client_id="{}",client_instance_id="{}")",
                     label_value(number.metric), label_value(attributes), label_value(client.client_id),
                     client.instance_id.to_string());
}

}  // namespace

void ClientSeries::take(const ClientAttributes& client, const std::vector<PushedNumber>& numbers) {
  auto& series = by_instance_[client.instance_id];
  for (const PushedNumber& number : numbers) {
    std::string labels = labels_of(client, number);
    auto found = series.find(labels);
    if (found == series.end()) {
      if (size_ >= kSeriesMax || labels.size() > kLabelsSizeMax) {
        ++left_out_;
        continue;
      }
      found = series.emplace(std::move(labels), 0).first;
      ++size_;
    }
    found->second = number.is_delta ? found->second + number.value : number.value;
  }
  if (series.empty()) by_instance_.erase(client.instance_id);
}

void ClientSeries::forget(const Uuid& instance_id) {
  const auto found = by_instance_.find(instance_id);
  if (found == by_instance_.end()) return;
  size_ -= found->second.size();
  by_instance_.erase(found);
}

std::vector<ClientSeries::Sample> ClientSeries::samples() const {
  std::vector<Sample> samples;
  for (const auto& [id, series] : by_instance_) {
    for (const auto& [labels, value] : series) samples.push_back({labels, value});
  }
  return samples;
}

}  // namespace weir::broker
