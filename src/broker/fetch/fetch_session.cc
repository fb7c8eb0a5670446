#include "broker/fetch/fetch_session.h"

#include <limits>

namespace weir::broker {

using protocol::ErrorCode;

FetchItem make_item(const protocol::FetchRequest::FetchTopic& topic,
                    const protocol::FetchRequest::FetchPartition& partition) {
  return {.topic = std::string(topic.topic),
          .topic_id = topic.topic_id,
          .partition = partition.partition,
          .current_leader_epoch = partition.current_leader_epoch,
          .fetch_offset = partition.fetch_offset,
          .last_fetched_epoch = partition.last_fetched_epoch,
          .log_start_offset = partition.log_start_offset,
          .partition_max_bytes = partition.partition_max_bytes};
}

void FetchSession::update(const protocol::FetchRequest& request) {
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      FetchItem item = make_item(topic, partition);
      Key key{item.topic_id, item.topic, item.partition};
      if (const auto found = index_.find(key); found != index_.end()) {
        item.sent_high_watermark = found->second->sent_high_watermark;
        item.sent_log_start_offset = found->second->sent_log_start_offset;
        *found->second = std::move(item);
      } else {
        items_.push_back(std::move(item));
        index_.emplace(std::move(key), std::prev(items_.end()));
      }
    }
  }
  for (const auto& topic : request.forgotten_topics_data) {
    for (const int32_t partition : topic.partitions) {
      const auto found = index_.find(Key{topic.topic_id, std::string(topic.topic), partition});
      if (found == index_.end()) continue;
      items_.erase(found->second);
      index_.erase(found);
    }
  }
}

bool FetchSession::must_send(FetchItem& item, const protocol::FetchResponse::PartitionData& data) {
  const bool news = data.error_code != 0 || (data.records && data.records->size() > 0) ||
                    data.preferred_read_replica >= 0 || data.diverging_epoch.epoch >= 0 ||
                    data.high_watermark != item.sent_high_watermark ||
                    data.log_start_offset != item.sent_log_start_offset;
  // After an error the next good answer is news, whatever it says.
  item.sent_high_watermark = data.error_code != 0 ? -1 : data.high_watermark;
  item.sent_log_start_offset = data.error_code != 0 ? -1 : data.log_start_offset;
  return news;
}

void FetchSession::move_to_end(const FetchItem& item) {
  const auto found = index_.find(Key{item.topic_id, item.topic, item.partition});
  if (found != index_.end()) items_.splice(items_.end(), items_, found->second);
}

FetchSessionCache::Resolution FetchSessionCache::resolve(const protocol::FetchRequest& request, Client client,
                                                         MonotonicTime now, Random& random) {
  constexpr int32_t kInitialEpoch = 0;
  constexpr int32_t kFinalEpoch = -1;
  if (request.session_epoch == kInitialEpoch || request.session_epoch == kFinalEpoch) {
    sessions_.erase(request.session_id);
    if (request.session_epoch == kFinalEpoch) return {};
    return open(request, client, now, random);
  }
  const auto found = sessions_.find(request.session_id);
  if (found == sessions_.end()) return {.error = ErrorCode::kFetchSessionIdNotFound};
  const std::shared_ptr<FetchSession> session = found->second;
  if (session->next_epoch != request.session_epoch || session->in_use)
    return {.error = ErrorCode::kInvalidFetchSessionEpoch};
  if (session->uses_topic_ids() != client.uses_topic_ids) return {.error = ErrorCode::kFetchSessionTopicIdError};
  session->update(request);
  session->last_used = now;
  if (session->size() == 0) {
    sessions_.erase(found);
    return {};
  }
  session->next_epoch = session->next_epoch == std::numeric_limits<int32_t>::max() ? 1 : session->next_epoch + 1;
  return {.session = session, .incremental = true};
}

FetchSessionCache::Resolution FetchSessionCache::open(const protocol::FetchRequest& request, Client client,
                                                      MonotonicTime now, Random& random) {
  size_t partitions = 0;
  for (const auto& topic : request.topics) partitions += topic.partitions.size();
  if (partitions == 0 || !make_room(partitions, client.is_replica, now)) return {};
  int32_t id;
  do {
    const auto multiple = static_cast<uint32_t>(random.below(std::numeric_limits<int32_t>::max() / shards_ - 1));
    id = static_cast<int32_t>((multiple + 1) * shards_ + shard_);
  } while (id <= 0 || sessions_.contains(id));
  auto session = std::make_shared<FetchSession>(id, client.uses_topic_ids, client.is_replica);
  session->update(request);
  session->last_used = now;
  sessions_.emplace(id, session);
  return {.session = std::move(session)};
}

bool FetchSessionCache::make_room(size_t new_size, bool of_replica, MonotonicTime now) {
  if (sessions_.size() < slots_max_) return true;
  // A replica's is worth more than any consumer's: acknowledgements wait for replicas.
  const auto worth = [](auto it) { return std::pair(it->second->is_replicas(), it->second->size()); };
  auto stalest = sessions_.end();
  auto smallest = sessions_.end();
  for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
    if (it->second->in_use) continue;
    if (stalest == sessions_.end() || it->second->last_used < stalest->second->last_used) stalest = it;
    if (smallest == sessions_.end() || worth(it) < worth(smallest)) smallest = it;
  }
  if (stalest != sessions_.end() && now - stalest->second->last_used > kEvictAfter) {
    sessions_.erase(stalest);
    return true;
  }
  if (smallest != sessions_.end() && worth(smallest) < std::pair(of_replica, new_size)) {
    sessions_.erase(smallest);
    return true;
  }
  return false;
}

}  // namespace weir::broker
