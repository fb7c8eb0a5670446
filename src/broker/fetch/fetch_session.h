// Fetch sessions (KIP-227): what a client fetches is remembered between its requests, which then name only what
// changes, and answers leave out partitions with nothing new. Decides only: no I/O, time handed in. Owned by a shard;
// loop thread only. A session id says which shard owns it (id % shards), because a client may come back on a connection
// of another shard.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/seams.h"
#include "base/time.h"
#include "base/types.h"
#include "base/uuid.h"
#include "protocol/error_code.h"
#include "protocol/messages/fetch_request.h"
#include "protocol/messages/fetch_response.h"

namespace weir::broker {

// One partition that a client fetches, with what it was last told.
struct FetchItem {
  std::string topic;  // empty when the request names topics by id
  Uuid topic_id;      // zero when the request names topics by name
  int32_t partition = 0;
  int32_t current_leader_epoch = -1;
  int64_t fetch_offset = 0;
  int32_t last_fetched_epoch = -1;
  int64_t log_start_offset = -1;  // of a follower
  int32_t partition_max_bytes = 0;
  // Last sent; -1 before the first answer.
  int64_t sent_high_watermark = -1;
  int64_t sent_log_start_offset = -1;
};

// The items of one session in the order in which they are served: those that returned data go to the end, so that all
// get their turn.
class FetchSession {
 public:
  FetchSession(int32_t id, bool uses_topic_ids, bool is_replicas)
      : id_(id), uses_topic_ids_(uses_topic_ids), is_replicas_(is_replicas) {}

  [[nodiscard]] int32_t id() const { return id_; }
  [[nodiscard]] bool uses_topic_ids() const { return uses_topic_ids_; }
  [[nodiscard]] bool is_replicas() const { return is_replicas_; }
  [[nodiscard]] size_t size() const { return items_.size(); }
  std::list<FetchItem>& items() { return items_; }

  // Adds or changes the partitions of the request and drops the forgotten ones.
  void update(const protocol::FetchRequest& request);
  // Whether the incremental answer has to carry the partition; remembers what it says.
  static bool must_send(FetchItem& item, const protocol::FetchResponse::PartitionData& data);
  void move_to_end(const FetchItem& item);

  int32_t next_epoch = 1;
  MonotonicTime last_used{};
  bool in_use = false;  // a request of the session is being answered

 private:
  struct Key {
    Uuid topic_id;
    std::string topic;
    int32_t partition;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const noexcept {
      return std::hash<Uuid>{}(key.topic_id) ^ std::hash<std::string>{}(key.topic) ^
             (static_cast<size_t>(key.partition) * 0x9e3779b97f4a7c15ULL);
    }
  };

  int32_t id_;
  bool uses_topic_ids_;
  bool is_replicas_;
  std::list<FetchItem> items_;
  std::unordered_map<Key, std::list<FetchItem>::iterator, KeyHash> index_;
};

// Fills an item from the fields of a request.
FetchItem make_item(const protocol::FetchRequest::FetchTopic& topic,
                    const protocol::FetchRequest::FetchPartition& partition);

class FetchSessionCache {
 public:
  // A session that was idle for so long may be evicted for any other.
  static constexpr Duration kEvictAfter = seconds(120);

  // `slots_max` sessions of this shard (max.incremental.fetch.session.cache.slots over the shards).
  FetchSessionCache(uint32_t shard, uint32_t shards, size_t slots_max)
      : shard_(shard), shards_(shards), slots_max_(slots_max) {}

  // What a request means for the sessions.
  struct Resolution {
    protocol::ErrorCode error = protocol::ErrorCode::kNone;
    std::shared_ptr<FetchSession> session;  // none: sessionless
    bool incremental = false;               // leave out what has not changed
  };
  // Who fetches, and how.
  struct Client {
    bool uses_topic_ids = false;
    bool is_replica = false;  // whose session gives way to those of other replicas only
  };
  // `random` picks the id of a new session.
  Resolution resolve(const protocol::FetchRequest& request, Client client, MonotonicTime now, Random& random);
  // Forgets a session that its client does not know of.
  void remove(int32_t session_id) { sessions_.erase(session_id); }
  // The shard that owns a session id.
  [[nodiscard]] static uint32_t owner(int32_t session_id, uint32_t shards) {
    return static_cast<uint32_t>(session_id) % shards;
  }
  [[nodiscard]] size_t size() const { return sessions_.size(); }

 private:
  Resolution open(const protocol::FetchRequest& request, Client client, MonotonicTime now, Random& random);
  bool make_room(size_t new_size, bool of_replica, MonotonicTime now);

  uint32_t shard_;
  uint32_t shards_;
  size_t slots_max_;
  std::unordered_map<int32_t, std::shared_ptr<FetchSession>> sessions_;
};

}  // namespace weir::broker
