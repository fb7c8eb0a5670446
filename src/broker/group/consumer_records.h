// The records of groups of the consumer protocol in __consumer_offsets: as values, to bytes and from bytes. Stateless;
// any thread. Format: docs/formats/consumer-offsets.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "broker/group/consumer_group.h"
#include "broker/group/group_log.h"

namespace weir::broker {

// Each names its group; without a value it is a tombstone.
struct ConsumerEpochRecord {  // type 3
  struct Value {
    int32_t epoch;
    int64_t metadata_hash;
  };
  std::string group_id;
  std::optional<Value> value;
};
struct ConsumerPartitionMetadataRecord {  // type 4, written before 4.1: only that it is there matters
  std::string group_id;
  bool exists = false;
};
struct ConsumerMemberRecord {  // type 5
  std::string group_id;
  std::string member_id;
  std::optional<ConsumerSubscription> value;
};
struct ConsumerAssignmentRecord {  // type 6
  struct Value {
    int32_t epoch;
    Timestamp time;
  };
  std::string group_id;
  std::optional<Value> value;
};
struct ConsumerTargetRecord {  // type 7
  std::string group_id;
  std::string member_id;
  std::optional<PartitionSets> value;
};
struct ConsumerProgressRecord {  // type 8
  std::string group_id;
  std::string member_id;
  std::optional<ConsumerProgress> value;
};
struct ConsumerRegexRecord {  // type 16
  std::string group_id;
  std::string regex;
  std::optional<ResolvedRegex> value;
};

using ConsumerRecord =
    std::variant<ConsumerEpochRecord, ConsumerPartitionMetadataRecord, ConsumerMemberRecord, ConsumerAssignmentRecord,
                 ConsumerTargetRecord, ConsumerProgressRecord, ConsumerRegexRecord>;

[[nodiscard]] const std::string& group_id_of(const ConsumerRecord& record);
CoordinatorRecord encode_record(const ConsumerRecord& record);

// A key, behind its type, with its value. `type` is one of the above. kCorrupt when it does not parse, kUnsupported
// when the value's version is too new.
Result<ConsumerRecord> parse_consumer_record(int16_t type, ByteView key, std::optional<ByteView> value);
[[nodiscard]] bool is_consumer_record(int16_t type);

}  // namespace weir::broker
