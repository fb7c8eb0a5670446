#include "broker/fetch/replica_fetch_session.h"

#include <limits>
#include <map>

#include "protocol/error_code.h"

namespace weir::broker {

using protocol::ErrorCode;

void ReplicaFetchSession::want(const PartitionKey& key, const Ask& ask) {
  Entry& entry = entries_[key];
  entry.wanted = ask;
  // The leader has dropped it only when it was told.
  dropped_.erase(key);
  if (entry.sent == ask) {
    changed_.erase(key);
  } else {
    changed_.insert(key);
  }
}

void ReplicaFetchSession::drop(const PartitionKey& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  if (found->second.sent) dropped_.insert(key);
  changed_.erase(key);
  entries_.erase(found);
}

LeaderEpoch ReplicaFetchSession::asked_epoch(const PartitionKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? kNoLeaderEpoch : found->second.asked_epoch;
}

void ReplicaFetchSession::add(protocol::FetchRequest::FetchTopic& topic, PartitionIndex index, const Ask& ask) {
  auto& partition = topic.partitions.emplace_back();
  partition.partition = index.value();
  partition.current_leader_epoch = ask.leader_epoch.value();
  partition.fetch_offset = ask.offset.value();
  partition.last_fetched_epoch = ask.last_epoch.value();
  partition.log_start_offset = ask.log_start.value();
  partition.partition_max_bytes = ask.max_bytes;
  partition.replica_directory_id = ask.directory;
}

void ReplicaFetchSession::fill(protocol::FetchRequest& request) {
  request.session_id = id_;
  request.session_epoch = epoch_;
  // In the order of the topics: each is named once.
  std::map<Uuid, protocol::FetchRequest::FetchTopic> topics;
  for (const PartitionKey& key : changed_) {
    Entry& entry = entries_.at(key);
    auto& topic = topics[key.topic_id];
    topic.topic_id = key.topic_id;
    add(topic, key.index, entry.wanted);
    entry.sent = entry.wanted;
    entry.asked_epoch = entry.wanted.leader_epoch;
  }
  for (auto& [id, topic] : topics) request.topics.push_back(std::move(topic));
  std::map<Uuid, protocol::FetchRequest::ForgottenTopic> forgotten;
  for (const PartitionKey& key : dropped_) {
    auto& topic = forgotten[key.topic_id];
    topic.topic_id = key.topic_id;
    topic.partitions.push_back(key.index.value());
  }
  for (auto& [id, topic] : forgotten) request.forgotten_topics_data.push_back(std::move(topic));
  changed_.clear();
  dropped_.clear();
}

void ReplicaFetchSession::answered(const protocol::FetchResponse& response) {
  const ErrorCode error = protocol::error_code(response.error_code);
  if (error != ErrorCode::kNone) {
    // One that the leader does not know need not be closed.
    return start_over(error == ErrorCode::kFetchSessionIdNotFound ? 0 : id_);
  }
  // It has no room for a session, or has closed it.
  if (response.session_id == 0) return start_over(0);
  id_ = response.session_id;
  epoch_ = epoch_ == std::numeric_limits<int32_t>::max() ? kFirstEpoch + 1 : epoch_ + 1;
}

void ReplicaFetchSession::start_over(int32_t former) {
  id_ = former;
  epoch_ = kFirstEpoch;
  dropped_.clear();
  for (auto& [key, entry] : entries_) {
    entry.sent.reset();
    changed_.insert(key);
  }
}

}  // namespace weir::broker
