#include "broker/directory_assignments.h"

#include <map>

#include "base/log.h"
#include "base/sync.h"
#include "broker/controller_client.h"
#include "broker/shard.h"
#include "protocol/error_code.h"

namespace weir::broker {
namespace {

using protocol::AssignReplicasToDirsRequest;
using protocol::AssignReplicasToDirsResponse;
using protocol::ErrorCode;

// For the controller to answer.
constexpr Duration kPatience = seconds(30);
constexpr Duration kFirstRetry = milliseconds(100);
constexpr Duration kLastRetry = seconds(10);

// Whether asking again could help.
bool is_final(ErrorCode error) {
  switch (error) {
    case ErrorCode::kNone:
    case ErrorCode::kUnknownTopicId:
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kNotLeaderOrFollower:  // no replica any more
    case ErrorCode::kUnsupportedVersion:   // the cluster does not know of directories yet
      return true;
    default:
      return false;
  }
}

}  // namespace

void DirectoryAssignments::assign(PartitionKey replica, const Uuid& directory) {
  loop_.post([this, replica, directory] {
    waiting_[replica] = directory;
    if (!std::exchange(sending_, true)) loop_.spawn(send_all());
  });
}

Task<void> DirectoryAssignments::send_all() {
  Duration retry = kFirstRetry;
  // Those of one change of the metadata arrive one by one: they go out together.
  co_await Yield();
  while (!waiting_.empty()) {
    if (co_await send_some()) {
      retry = kFirstRetry;
      continue;
    }
    co_await sleep_for(retry);
    retry = std::min(2 * retry, kLastRetry);
  }
  sending_ = false;
}

DirectoryAssignments::Assignments DirectoryAssignments::take_some() {
  Assignments some;
  while (!waiting_.empty() && some.size() < kPerRequestMax) some.insert(waiting_.extract(waiting_.begin()));
  return some;
}

AssignReplicasToDirsRequest DirectoryAssignments::request_of(const Assignments& some) {
  std::map<Uuid, std::map<Uuid, std::vector<PartitionIndex>>> by_directory;
  for (const auto& [replica, directory] : some) by_directory[directory][replica.topic_id].push_back(replica.index);
  AssignReplicasToDirsRequest request;
  for (const auto& [directory, topics] : by_directory) {
    auto& directory_data = request.directories.emplace_back();
    directory_data.id = directory;
    for (const auto& [topic_id, indexes] : topics) {
      auto& topic = directory_data.topics.emplace_back();
      topic.topic_id = topic_id;
      for (const PartitionIndex index : indexes) topic.partitions.push_back({index.value()});
    }
  }
  return request;
}

Task<bool> DirectoryAssignments::send_some() {
  const quorum::BrokerImage* broker = node_.shards.front()->image()->broker(node_.node_id);
  if (broker == nullptr || node_.controller == nullptr) co_return false;
  const Assignments some = take_some();
  AssignReplicasToDirsRequest request = request_of(some);
  request.broker_id = node_.node_id.value();
  request.broker_epoch = broker->epoch.value();
  const auto reply = co_await node_.controller->tell(std::move(request), loop_.now() + kPatience);
  const auto error = reply ? protocol::error_code(reply->response.error_code) : ErrorCode::kNotController;
  if (error == ErrorCode::kNone) co_return put_back(some, reply->response);
  if (is_final(error)) co_return true;
  waiting_.insert(some.begin(), some.end());
  log_warn("log-dirs", "the controller was not told where replicas live: it is tried again",
           kv("why", reply ? std::string(protocol::error_name(error)) : reply.error().message));
  co_return false;
}

bool DirectoryAssignments::put_back(const Assignments& some, const AssignReplicasToDirsResponse& response) {
  bool all = true;
  for (const auto& directory : response.directories) {
    for (const auto& topic : directory.topics) {
      for (const auto& partition : topic.partitions) {
        if (is_final(protocol::error_code(partition.error_code))) continue;
        all = false;
        const auto found = some.find({topic.topic_id, PartitionIndex(partition.partition_index)});
        if (found != some.end()) waiting_.insert(*found);
      }
    }
  }
  return all;
}

}  // namespace weir::broker
