// ClientSeries: the last numbers that clients have pushed, as /metrics shows them. One for each shard; its loop only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/telemetry/otlp.h"

namespace weir::broker {

class ClientSeries {
 public:
  // A page of a few hundred kilobytes at most for each shard. What is beyond it is only sent on.
  static constexpr size_t kSeriesMax = 1000;
  // Of one series: longer names, attributes and client ids are not shown.
  static constexpr size_t kLabelsSizeMax = 1024;

  struct Sample {
    std::string labels;  // ready for the page
    double value;
  };

  // Takes in the numbers of a push.
  void take(const ClientAttributes& client, const std::vector<PushedNumber>& numbers);
  void forget(const Uuid& instance_id);
  [[nodiscard]] std::vector<Sample> samples() const;
  // Numbers that found no room.
  [[nodiscard]] uint64_t left_out() const { return left_out_; }

 private:
  std::map<Uuid, std::map<std::string, double>> by_instance_;
  size_t size_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace weir::broker
