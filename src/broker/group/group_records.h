// The records of __consumer_offsets that this broker writes, and those that it understands of what Kafka writes.
// Stateless; any thread. Format: docs/formats/consumer-offsets.md.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "base/uuid.h"
#include "broker/group/classic_group.h"
#include "broker/group/consumer_records.h"
#include "broker/group/group_log.h"
#include "broker/group/topic_partition.h"
#include "protocol/messages/group_metadata_value.h"

namespace weir::broker {

// What a group has committed for a partition.
struct CommittedOffset {
  Offset offset{-1};
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::string metadata;
  Timestamp commit_time;
  Timestamp expire_time = kNoTimestamp;  // set by clients that asked for a retention of their own
  Uuid topic_id;                         // zero where it was not known
  Offset record_offset = kNoOffset;      // of the record in the log, not part of it

  friend bool operator==(const CommittedOffset&, const CommittedOffset&) = default;
};

CoordinatorRecord offset_record(std::string_view group_id, const TopicPartition& partition,
                                const CommittedOffset& offset);
CoordinatorRecord offset_tombstone(std::string_view group_id, const TopicPartition& partition);
// The group as it is, with the members' assignments from `assignments` where given, else their present ones.
CoordinatorRecord group_record(const ClassicGroup& group, const std::map<std::string, ByteVector>* assignments);
// What a group that has just been made is written as: it must exist in the log before a member has anything to write.
CoordinatorRecord new_group_record(const ClassicGroup& group);
CoordinatorRecord group_tombstone(std::string_view group_id);

struct OffsetRecord {
  std::string group_id;
  TopicPartition partition;
  std::optional<CommittedOffset> value;
};

// The strings of `value` are views into the record.
struct GroupRecord {
  std::string group_id;
  std::optional<protocol::GroupMetadataValue> value;
};

// A group of one of the newer kinds, which the classic protocol must leave alone.
struct ForeignGroupRecord {
  std::string group_id;
  std::string_view type;           // as ListGroups names it
  std::string_view protocol_type;  // as ListGroups names it
  bool exists = false;
};

// Something that says nothing about whether a group exists: parts of newer kinds of groups, and types of the future.
struct OtherRecord {};

using ParsedRecord = std::variant<OffsetRecord, GroupRecord, ConsumerRecord, ForeignGroupRecord, OtherRecord>;

// kCorrupt when a record of a known type does not parse, kUnsupported when its value's version is too new.
Result<ParsedRecord> parse_record(ByteView key, std::optional<ByteView> value);

}  // namespace weir::broker
