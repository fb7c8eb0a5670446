#include "broker/group_lag.h"

#include <algorithm>
#include <map>

#include "base/sync.h"
#include "broker/group_service.h"
#include "broker/node_context.h"
#include "broker/partition/cold_reads.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

struct Commit {
  std::string group;
  std::string topic;
  PartitionIndex partition;
  Offset offset;
};

std::vector<Commit> commits_of(BrokerShard& shard) {
  std::vector<Commit> commits;
  shard.groups().for_each([&](const GroupShell& shell) {
    if (!shell.active()) return;
    shell.coordinator().offsets().for_each_committed(
        [&](const std::string& group, const std::string& topic, PartitionIndex partition, Offset offset) {
          commits.push_back({group, topic, partition, offset});
        });
  });
  return commits;
}

bool is_further_behind(const TopicLag& one, const TopicLag& other) {
  const auto rank = [](const TopicLag& topic) {
    return std::pair(topic.lag.age.value_or(Duration(0)), topic.lag.records);
  };
  return rank(one) > rank(other);
}

// What the positions of one shard belong to, in their order.
struct Part {
  std::vector<LagReader::Position> positions;
  std::vector<const Commit*> commits;
};

std::vector<Part> deal_out(NodeContext& node, const quorum::MetadataImage& image, const std::vector<Commit>& commits) {
  std::vector<Part> parts(node.shards.size());
  for (const Commit& commit : commits) {
    const auto topic = image.topic(commit.topic);
    if (topic == nullptr) continue;
    Part& part = parts[node.shard_of(topic->id, commit.partition).loop().shard().value()];
    part.positions.push_back({{topic->id, commit.partition}, commit.offset});
    part.commits.push_back(&commit);
  }
  return parts;
}

}  // namespace

Task<std::vector<std::optional<Lag>>> LagReader::measure(std::vector<Position> positions) {
  std::vector<std::optional<Lag>> lags;
  Times times;
  for (const Position& position : positions) {
    lags.push_back(measure_one(position, times));
    if (lags.size() % kAtOnce == 0) co_await Yield();
  }
  times_ = std::move(times);
  if (!cold_.empty() && !std::exchange(reading_cold_, true)) shard_.loop().spawn(read_cold());
  co_return lags;
}

std::optional<Lag> LagReader::measure_one(const Position& position, Times& times) {
  const std::shared_ptr<Partition>* found =
      shard_.find_partition(position.partition.topic_id, position.partition.index);
  if (found == nullptr || !(*found)->is_leader()) return std::nullopt;
  const std::shared_ptr<Partition>& partition = *found;
  const Offset next = std::max(position.committed, partition->log().log_start_offset());
  if (next >= partition->high_watermark()) return Lag{.records = 0, .age = Duration(0)};
  Lag lag{.records = partition->high_watermark() - next, .age = {}};
  const Key key{position.partition, next};
  if (const std::optional<Timestamp> time = time_of(key, partition)) {
    times.emplace(key, *time);
    const auto age = milliseconds(shard_.node().seams.clock.wall() - *time);
    if (*time != kNoTimestamp) lag.age = std::max<Duration>(age, Duration(0));
  }
  return lag;
}

std::optional<Timestamp> LagReader::time_of(const Key& key, const std::shared_ptr<Partition>& partition) {
  if (const auto known = times_.find(key); known != times_.end()) return known->second;
  const Result<Timestamp> time = partition->log().timestamp_at(key.offset);
  if (time) return *time;
  if (time.error().code == Errc::kWouldBlock) cold_.emplace(key, partition);
  return std::nullopt;
}

Task<void> LagReader::read_cold() {
  while (!cold_.empty()) {
    const auto taken = cold_.extract(cold_.begin());
    const Key key = taken.key();
    const Result<Timestamp> time = co_await shard_.cold_reads().look_up(
        taken.mapped(), [&](storage::Log& log) { return log.timestamp_at(key.offset); });
    if (time) times_.insert_or_assign(key, *time);
  }
  reading_cold_ = false;
}

Task<GroupLagReport> measure_group_lag(NodeContext& node, size_t max) {
  GroupLagReport report;
  if (max == 0) co_return report;
  std::vector<Commit> commits;
  for (BrokerShard* shard : node.shards) {
    auto part =
        co_await call_on(shard->loop(), [shard]() -> Task<std::vector<Commit>> { co_return commits_of(*shard); });
    std::ranges::move(part, std::back_inserter(commits));
  }
  const auto image = node.shards.front()->image();
  std::map<std::pair<std::string, std::string>, Lag> all;
  std::vector<Part> parts = deal_out(node, *image, commits);
  for (size_t i = 0; i < parts.size(); ++i) {
    BrokerShard& shard = *node.shards[i];
    const auto lags =
        co_await call_on(shard.loop(), [&] { return shard.lag_reader().measure(std::move(parts[i].positions)); });
    for (size_t j = 0; j < lags.size(); ++j) {
      if (!lags[j]) continue;
      const Commit& commit = *parts[i].commits[j];
      Lag& lag = all[{commit.group, commit.topic}];
      lag.records += lags[j]->records;
      if (lags[j]->age) lag.age = std::max(lag.age.value_or(Duration(0)), *lags[j]->age);
    }
  }
  for (auto& [pair, lag] : all) report.topics.push_back({pair.first, pair.second, lag});
  if (report.topics.size() > max) {
    report.left_out = report.topics.size() - max;
    std::ranges::partial_sort(report.topics, report.topics.begin() + static_cast<ptrdiff_t>(max), is_further_behind);
    report.topics.resize(max);
  }
  co_return report;
}

}  // namespace weir::broker
