#include "cli/places.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/suggest.h"

namespace weir::cli {
namespace {

using client::TopicPartition;

using Offsets = std::map<TopicPartition, Offset>;

Task<Result<Offsets>> look_up(client::Admin& admin, const std::vector<TopicPartition>& places, Timestamp when) {
  std::map<TopicPartition, Timestamp> wanted;
  for (const TopicPartition& place : places) wanted[place] = when;
  CO_TRY_ASSIGN(const auto found, co_await admin.list_offsets(std::move(wanted)));
  Offsets offsets;
  for (const auto& [place, result] : found) {
    CO_TRY(result);
    offsets[place] = result->offset;
  }
  co_return offsets;
}

}  // namespace

Task<Error> explained(client::Admin& admin, std::string topic, Error error) {
  if (error.code != Errc::kNotFound) co_return error;
  std::vector<std::string> names;
  if (const auto topics = co_await admin.list_topics()) {
    for (const client::TopicDescription& known : *topics) names.push_back(known.name);
  }
  const std::string meant = nearest(topic, names);
  error.message +=
      meant.empty() ? "; weir topic list shows those that exist" : fmt::format("; did you mean '{}'?", meant);
  co_return error;
}

Task<Result<std::vector<TopicPartition>>> partitions_of(client::Admin& admin, std::string topic,
                                                        std::vector<int32_t> chosen) {
  CO_TRY_ASSIGN(auto described, co_await admin.describe_topics({topic}));
  if (const auto& result = described.front().result; !result) {
    co_return std::unexpected(co_await explained(admin, topic, result.error()));
  }
  const auto count = static_cast<int32_t>(described.front().result->partitions.size());
  std::vector<TopicPartition> places;
  if (chosen.empty()) {
    for (int32_t i = 0; i < count; ++i) places.push_back({topic, PartitionIndex(i)});
  }
  for (const int32_t partition : chosen) {
    if (partition < 0 || partition >= count) {
      co_return fail(Errc::kNotFound,
                     fmt::format("topic {} has partitions 0 to {}; there is no {}", topic, count - 1, partition));
    }
    places.push_back({topic, PartitionIndex(partition)});
  }
  co_return places;
}

Task<Result<Offsets>> offsets_at(client::Admin& admin, std::vector<TopicPartition> places, PlaceSpec spec) {
  if (std::holds_alternative<Earliest>(spec)) co_return co_await look_up(admin, places, client::kEarliestSpec);
  CO_TRY_ASSIGN(Offsets ends, co_await look_up(admin, places, client::kLatestSpec));
  if (std::holds_alternative<Latest>(spec)) co_return ends;
  if (const auto* when = std::get_if<Timestamp>(&spec)) {
    CO_TRY_ASSIGN(Offsets found, co_await look_up(admin, places, *when));
    for (auto& [place, offset] : found) {
      if (offset == kNoOffset) offset = ends.at(place);
    }
    co_return found;
  }
  CO_TRY_ASSIGN(Offsets offsets, co_await look_up(admin, places, client::kEarliestSpec));
  for (auto& [place, first] : offsets) {
    const Offset end = ends.at(place);
    const auto* from_end = std::get_if<FromEnd>(&spec);
    const Offset wanted = from_end != nullptr ? end - from_end->records : std::get<Offset>(spec);
    first = std::clamp(wanted, first, end);
  }
  co_return offsets;
}

}  // namespace weir::cli
