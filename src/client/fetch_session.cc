#include "client/fetch_session.h"

#include <algorithm>

#include "protocol/messages/fetch_request.h"

namespace weir::client {

using protocol::ErrorCode;

bool FetchSession::fill(protocol::FetchRequest& request, const Targets& targets) {
  const bool ids = std::ranges::all_of(targets, [](const auto& t) { return !t.second.topic_id.is_zero(); });
  // A session is either one of names or one of ids.
  if (ids != uses_ids_) reset();
  uses_ids_ = ids;
  request.session_id = id_;
  request.session_epoch = epoch_;
  const TopicPartition* previous = nullptr;
  for (const auto& [place, target] : targets) {
    const auto known = known_.find(place);
    if (epoch_ > 0 && known != known_.end() && known->second == target) continue;
    if (previous == nullptr || previous->topic != place.topic) {
      request.topics.push_back({.topic = place.topic, .topic_id = target.topic_id});
    }
    previous = &place;
    request.topics.back().partitions.push_back({.partition = place.partition.value(),
                                                .current_leader_epoch = target.leader_epoch.value(),
                                                .fetch_offset = target.offset.value(),
                                                .partition_max_bytes = target.bytes_max});
  }
  forgotten_.clear();
  for (const auto& [place, target] : known_) {
    const auto still = targets.find(place);
    // A topic that was deleted and made again has a new id; the old one must not stay in the session.
    if (still == targets.end() || still->second.topic_id != target.topic_id) forgotten_.emplace(place, target);
  }
  if (epoch_ > 0) {
    for (const auto& [place, target] : forgotten_) {
      auto& list = request.forgotten_topics_data;
      if (list.empty() || list.back().topic != place.topic) {
        list.push_back({.topic = place.topic, .topic_id = target.topic_id});
      }
      list.back().partitions.push_back(place.partition.value());
    }
  }
  known_ = targets;
  return ids;
}

bool FetchSession::accept(ErrorCode error, int32_t session_id) {
  if (error != ErrorCode::kNone) {
    reset();
    return false;
  }
  // 0: the broker keeps no session for us; everything is told each time.
  id_ = session_id;
  epoch_ = session_id == 0 ? 0 : epoch_ == INT32_MAX ? 1 : epoch_ + 1;
  return true;
}

void FetchSession::reset() {
  id_ = 0;
  epoch_ = 0;
  known_.clear();
}

}  // namespace weir::client
