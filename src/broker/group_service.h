// GroupService: the group coordinators of one shard, one for each partition of __consumer_offsets that the shard owns
// and this node leads. Loop of the shard only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string_view>

#include "base/types.h"
#include "broker/group/group_shell.h"
#include "broker/group/topic_catalog.h"
#include "quorum/metadata_loader.h"

namespace weir::broker {

class BrokerShard;
class Partition;

inline constexpr std::string_view kConsumerOffsetsTopic = "__consumer_offsets";

class GroupService {
 public:
  GroupService(BrokerShard& shard, GroupConfig config);
  ~GroupService();

  // Takes up the coordinators of partitions that this node has come to lead, lays down the others, forgets offsets of
  // deleted topics.
  void on_metadata(const quorum::MetadataUpdate& update);
  // The coordinator of a partition of __consumer_offsets, nullptr when it is not here. Held until the call to it is
  // over.
  std::shared_ptr<GroupShell> find(PartitionIndex index);
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [index, coordinator] : coordinators_) visit(*coordinator->shell);
  }
  // All coordinators answer NOT_COORDINATOR from now on; completes when their last appends are done.
  Task<void> stop();

 private:
  class Catalog;
  class Log;
  struct Coordinator {
    std::unique_ptr<Log> log;
    std::unique_ptr<GroupShell> shell;
  };
  void elect(const std::shared_ptr<Partition>& partition);
  void resign(PartitionIndex index);
  static Task<void> retire(std::shared_ptr<Coordinator> coordinator);
  static Task<void> load(std::shared_ptr<Coordinator> coordinator, PartitionIndex index);

  BrokerShard& shard_;
  GroupConfig config_;
  std::unique_ptr<Catalog> catalog_;
  std::map<PartitionIndex, std::shared_ptr<Coordinator>> coordinators_;
};

}  // namespace weir::broker
