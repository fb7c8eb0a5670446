// Consumer: reads partitions, either those it is told to (assign) or its share of a consumer group's (subscribe).
// Threads, errors: client.h.
#pragma once

#include <map>
#include <memory>

#include "weir/client.h"
#include "weir/record.h"

namespace weir::client {

enum class OffsetReset : uint8_t { kEarliest, kLatest, kFail };

struct ConsumerOptions {
  std::string group;           // empty: no group, and no committed offsets
  std::string group_instance;  // of a static member; empty: dynamic
  // The assignors offered to the group, the preferred one first: range, roundrobin, cooperative-sticky.
  std::vector<std::string> assignors = {"range", "cooperative-sticky"};
  OffsetReset reset = OffsetReset::kLatest;  // where to start without a committed offset, or outside the log
  bool auto_commit = true;                   // of what poll() has handed out, at the next poll() or close()
  Duration auto_commit_interval = seconds(5);
  bool read_committed = false;

  int32_t fetch_min_bytes = 1;
  int32_t fetch_max_bytes = 50 << 20;           // of one answer, all partitions together
  int32_t partition_fetch_max_bytes = 1 << 20;  // of one partition in one answer; a bigger batch comes alone
  Duration fetch_wait_max = milliseconds(500);
  size_t poll_records_max = 500;

  Duration session_timeout = seconds(45);
  Duration heartbeat_interval = seconds(3);
  Duration poll_interval_max = seconds(300);  // without a poll() for that long the member leaves its group
};

class Consumer {
 public:
  Consumer(const Client& client, ConsumerOptions options);
  // Leaves nothing behind but the membership, which expires: close() first.
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Reads these partitions and no others; those that stay keep their positions.
  void assign(std::vector<TopicPartition> partitions);
  // Joins the group at the next poll() and reads what the group gives it.
  void subscribe(std::vector<std::string> topics);
  // The next poll() goes on from there. Of an assigned partition.
  void seek(const TopicPartition& partition, Offset offset);

  // Records, in order for each partition; none when the timeout passed without any. Does the group's work too: call it
  // again and again. Drops the assignment when the member lost it. The records of the last poll() count as processed
  // when poll() is called again, which is when auto-commit commits them.
  Task<Result<ConsumedRecords>> poll(Duration timeout);
  // Commits the positions behind what poll() has handed out so far. kInvalidArgument without a group, kUnavailable when
  // the partitions meanwhile belong to another member.
  Task<Result<>> commit();
  // Commits when auto_commit says so, and leaves the group.
  Task<Result<>> close();

  [[nodiscard]] std::vector<TopicPartition> assignment() const;
  // The offset of the next record that poll() will give; kNoOffset while it is not known.
  [[nodiscard]] Offset position(const TopicPartition& partition) const;
  // The high watermark as of the last fetch; kNoOffset while it is not known.
  [[nodiscard]] Offset high_watermark(const TopicPartition& partition) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace weir::client
