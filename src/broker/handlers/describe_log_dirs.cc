#include "broker/handlers/describe_log_dirs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "broker/log_dirs.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::DescribeLogDirsResponse;
using protocol::ErrorCode;

// Of which partitions is asked; nothing: of all.
using Filter = std::optional<std::set<storage::TopicPartition>>;

struct FoundLog {
  std::string directory;
  storage::TopicPartition partition;
  uint64_t size;
  int64_t lag;
  bool is_future;
};

Filter filter_of(const DescribeLogDirsHandler::Request& request) {
  if (!request.topics) return std::nullopt;
  Filter filter{std::in_place};
  for (const auto& topic : *request.topics) {
    for (const int32_t index : topic.partitions) filter->insert({std::string(topic.topic), PartitionIndex(index)});
  }
  return filter;
}

Task<std::vector<FoundLog>> find_logs(BrokerShard& shard, const Filter& filter) {
  std::vector<FoundLog> found;
  shard.for_each_partition([&](const std::shared_ptr<Partition>& partition) {
    const storage::Log& log = partition->log();
    if (filter && !filter->contains(log.partition())) return;
    found.push_back({.directory = partition->place().directory,
                     .partition = log.partition(),
                     .size = log.size(),
                     .lag = std::max<int64_t>(partition->high_watermark() - log.log_end_offset(), 0),
                     .is_future = false});
    const ReplicaMove* move = partition->move();
    if (move == nullptr) return;
    found.push_back({.directory = move->target().directory,
                     .partition = log.partition(),
                     .size = move->progress().size,
                     .lag = log.log_end_offset() - move->progress().end,
                     .is_future = true});
  });
  co_return found;
}

Task<std::vector<FoundLog>> find_all_logs(RequestContext& context, const Filter& filter) {
  std::vector<Task<std::vector<FoundLog>>> parts;
  for (BrokerShard* shard : context.shard.node().shards) {
    parts.push_back(call_on(shard->loop(), [shard, &filter] { return find_logs(*shard, filter); }));
  }
  std::vector<FoundLog> all;
  for (auto& part : parts) std::ranges::move(co_await std::move(part), std::back_inserter(all));
  std::ranges::sort(all, {}, &FoundLog::partition);
  co_return all;
}

void add_logs(RequestContext& context, const std::vector<FoundLog>& logs, const std::string& directory,
              DescribeLogDirsResponse::DescribeLogDirsResult& out) {
  const storage::TopicPartition* last = nullptr;
  for (const FoundLog& log : logs) {
    if (log.directory != directory) continue;
    if (last == nullptr || last->topic != log.partition.topic) {
      out.topics.emplace_back().name = context.strings.keep(std::string_view(log.partition.topic));
    }
    last = &log.partition;
    out.topics.back().partitions.push_back({.partition_index = log.partition.index.value(),
                                            .partition_size = static_cast<int64_t>(log.size),
                                            .offset_lag = log.lag,
                                            .is_future_key = log.is_future});
  }
}

// As Kafka does, where a file system has more bytes than a number of the answer can say.
int64_t to_bytes(uint64_t count) { return static_cast<int64_t>(std::min<uint64_t>(count, INT64_MAX)); }

}  // namespace

Task<Outcome> DescribeLogDirsHandler::handle(RequestContext& context, const Request& request,
                                             DescribeLogDirsResponse& response) {
  NodeContext& node = context.shard.node();
  const Filter filter = filter_of(request);
  const std::vector<FoundLog> logs = co_await find_all_logs(context, filter);
  for (const DirectoryState& state : co_await node.log_dirs->get_states()) {
    auto& out = response.results.emplace_back();
    out.log_dir = context.strings.keep(std::string_view(state.absolute));
    out.error_code = error_field(ErrorCode::kKafkaStorageError);
    if (!state.is_online) continue;
    Disk& disk = node.seams.disk;
    const Result<Disk::Space> space =
        co_await node.seams.disk_threads.run([&disk, path = state.path] { return disk.space(path); });
    if (!space) continue;
    out.error_code = error_field(ErrorCode::kNone);
    out.total_bytes = to_bytes(space->total);
    out.usable_bytes = to_bytes(space->available);
    out.is_cordoned = state.is_cordoned;
    add_logs(context, logs, state.path, out);
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
