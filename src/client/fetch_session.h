// FetchSession: what a broker remembers of the last fetch, so that only differences are told. A plain state machine.
// Owned by a Consumer, one for each broker; one thread. Protocol: KIP-227.
#pragma once

#include <map>

#include "base/uuid.h"
#include "protocol/error_code.h"
#include "weir/record.h"

namespace weir::protocol {
struct FetchRequest;
}

namespace weir::client {

struct FetchTarget {
  Uuid topic_id;  // zero when the cluster has none
  Offset offset;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  int32_t bytes_max = 0;

  friend bool operator==(const FetchTarget&, const FetchTarget&) = default;
};

class FetchSession {
 public:
  using Targets = std::map<TopicPartition, FetchTarget>;

  // Writes the session and what changed since the last request into `request`, whose views point into `targets`, into
  // what this holds until the next call, and nowhere else. Whether the topics have ids, all of them: without, versions
  // beyond 12 cannot be used.
  bool fill(protocol::FetchRequest& request, const Targets& targets);
  // Takes the head of the answer in. False when the session is void and the request must be made anew, in full.
  bool accept(protocol::ErrorCode error, int32_t session_id);
  // No answer came: whether the broker saw the request is unknown.
  void reset();

 private:
  int32_t id_ = 0;
  int32_t epoch_ = 0;  // of the next request; 0 opens a session
  bool uses_ids_ = false;
  Targets known_;  // to the broker
  Targets forgotten_;
};

}  // namespace weir::client
