// What the controller decides on a request: records for the metadata log, and the answer that is sent once they are
// committed. Plain values; they belong to whoever holds them.
#pragma once

#include <string_view>

#include "base/time.h"
#include "base/types.h"
#include "protocol/error_code.h"
#include "protocol/reply.h"
#include "quorum/metadata_record.h"

namespace weir::broker {

using protocol::Reply;

// Time and place of a decision.
struct DecideContext {
  MonotonicTime now{};
  Timestamp wall{0};
  Offset next_offset{0};  // that the first record of the decision will get
  int16_t api_version = 0;
  // Who asks, for quotas; no user: the cluster itself.
  std::string_view user{};
  std::string_view client_id{};
};

// The records of one batch at most, where they may go to the log in several; as many as Kafka's controller puts there.
inline constexpr size_t kRecordsPerBatchMax = 10000;

// The records go to the log all together or not at all, unless they may be divided; none: nothing changes, and the
// answer is sent at once.
template <class Response>
struct Decision {
  explicit Decision(quorum::MetadataVersion version) : records(version) {}

  quorum::MetadataRecords records;
  // Whether the log may end behind any of the records: each is right by itself, and what is missing is decided again
  // when it is asked for again. So what changes with the number of partitions is not limited by the size of a batch.
  bool is_divisible = false;
  Reply<Response> reply;
};

}  // namespace weir::broker
