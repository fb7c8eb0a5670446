#include "broker/shard_metadata.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/log.h"
#include "broker/group_service.h"
#include "broker/log_dirs.h"
#include "broker/log_settings.h"
#include "broker/move_replica.h"
#include "broker/quota_service.h"
#include "broker/replica_fetcher.h"
#include "broker/shard.h"
#include "broker/telemetry_service.h"

namespace weir::broker {
namespace {

// Logs that one shard opens at once: enough to keep the disk threads busy, few enough to bound open files.
constexpr size_t kOpenedAtOnce = 32;
// New logs whose names one sync of the directory makes durable: a sync costs more than hundreds of new folders.
constexpr size_t kNamedAtOnce = 1024;

int64_t producer_id_expiration_ms(const BrokerLayers& layers) {
  const auto value = parse_integer(broker_value(layers, "producer.id.expiration.ms").value_or(""), 1, INT32_MAX);
  CHECK(value.has_value(), "producer.id.expiration.ms has a default, and wrong values are passed over");
  return *value;
}

struct PartitionSettings {
  TopicConfig topic;
  storage::LogConfig log;

  void apply_to(Partition& partition, NodeId self) const {
    partition.set_min_insync_replicas(topic.min_insync_replicas);
    const std::string replica = fmt::format("{}:{}", partition.index().value(), self.value());
    const auto names = [&replica](const std::vector<std::string>& replicas) {
      return contains(replicas, replica) || contains(replicas, "*");
    };
    partition.set_throttling(
        {.as_leader = names(topic.leader_throttled_replicas), .as_follower = names(topic.follower_throttled_replicas)});
  }
};

PartitionSettings settings_of(BrokerShard& shard, const quorum::MetadataImage& image, const std::string& topic) {
  const BrokerLayers layers = shard.node().layers(image);
  TopicConfig resolved = resolve_topic_config(image.config(quorum::ConfigResourceType::kTopic, topic), layers);
  // A share for each shard is enough to keep a topic's partitions from rolling all at once.
  const double jitter_share =
      static_cast<double>(shard.loop().shard().value()) / static_cast<double>(shard.node().shards.size());
  const storage::LogConfig log = to_log_config(resolved, producer_id_expiration_ms(layers), jitter_share);
  return {.topic = std::move(resolved), .log = log};
}

// A partition that is to be opened.
struct Opening {
  std::shared_ptr<const quorum::TopicImage> topic;
  PartitionIndex index;
  PartitionSettings settings;
  Task<Result<OpenedLog>> log;
};

// Opens the partitions of one shard, some at once.
class PartitionOpener {
 public:
  explicit PartitionOpener(BrokerShard& shard) : shard_(shard) {}

  Task<void> add(Opening opening) {
    openings_.push_back(std::move(opening));
    if (openings_.size() < kOpenedAtOnce) co_return;
    co_await take_in_opened();
    if (nameless_.size() >= kNamedAtOnce) co_await take_in_nameless();
  }
  Task<void> finish() {
    co_await take_in_opened();
    co_await take_in_nameless();
  }
  // Those that found no room on the disk.
  std::vector<PartitionKey> without_room;

 private:
  // Opened, but a crash could take its folder's name away.
  struct Nameless {
    Opening opening;
    OpenedLog opened;
  };

  Task<void> take_in_opened();
  Task<void> take_in_nameless();
  void take_in(Opening& opening, Result<OpenedLog> opened);

  BrokerShard& shard_;
  std::vector<Opening> openings_;
  std::vector<Nameless> nameless_;
  std::vector<storage::TopicPartition> served_;
};

Task<void> PartitionOpener::take_in_opened() {
  for (Opening& opening : openings_) {
    auto opened = co_await std::move(opening.log);
    if (opened && opened->log->name_may_be_unsynced()) {
      nameless_.push_back({std::move(opening), *std::move(opened)});
    } else {
      take_in(opening, std::move(opened));
    }
  }
  openings_.clear();
  co_await shard_.node().log_dirs->are_served(std::exchange(served_, {}));
}

Task<void> PartitionOpener::take_in_nameless() {
  std::map<std::string, std::vector<storage::TopicPartition>> by_directory;
  for (const Nameless& one : nameless_) {
    by_directory[one.opened.place.directory].push_back({one.opening.topic->name, one.opening.index});
  }
  std::map<std::string, Result<>> synced;
  for (auto& [directory, logs] : by_directory) {
    synced[directory] = co_await shard_.node().log_dirs->sync_names(directory, std::move(logs));
  }
  for (Nameless& one : nameless_) {
    const Result<>& named = synced[one.opened.place.directory];
    take_in(one.opening, named ? Result<OpenedLog>(std::move(one.opened)) : std::unexpected(named.error()));
  }
  nameless_.clear();
  co_await shard_.node().log_dirs->are_served(std::exchange(served_, {}));
}

void PartitionOpener::take_in(Opening& opening, Result<OpenedLog> opened) {
  if (!opened) {
    if (opened.error().code == Errc::kNoSpace) {
      without_room.push_back({opening.topic->id, opening.index});
      return;
    }
    log_error("partition", "cannot be opened and stays offline", kv("topic", opening.topic->name),
              kv("partition", opening.index), kv("why", opened.error().message));
    shard_.add_offline({opening.topic->id, opening.index});
    return;
  }
  shard_.remove_offline({opening.topic->id, opening.index});
  const std::optional<LogPlace> moving_to = opened->moving_to;
  auto partition = std::make_shared<Partition>(shard_.node(), shard_.loop(), opening.topic->name, opening.topic->id,
                                               opening.index, *std::move(opened));
  opening.settings.apply_to(*partition, shard_.node().node_id);
  shard_.add_partition(partition);
  served_.push_back({opening.topic->name, opening.index});
  if (moving_to) shard_.loop().spawn(go_on_moving(shard_, partition, *moving_to));
  partition->apply(*opening.topic->partition(opening.index));
  shard_.replica_fetchers().on_applied(partition);
}

// Takes the replica away, if it is here; its files go with the task.
std::optional<Task<void>> delete_partition(BrokerShard& shard, const PartitionKey& key) {
  shard.remove_offline(key);
  shard.replica_fetchers().on_removed(key);
  const std::shared_ptr<Partition>* found = shard.find_partition(key.topic_id, key.index);
  if (found == nullptr) return std::nullopt;
  const std::shared_ptr<Partition> partition = *found;
  partition->stop();
  shard.remove_partition(key.topic_id, key.index);
  return shard.node().log_dirs->delete_log(partition);
}

Task<void> delete_partitions(BrokerShard& shard, const quorum::TopicImage& topic) {
  std::vector<Task<void>> deletions;
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    auto deletion = delete_partition(shard, {topic.id, PartitionIndex(static_cast<int32_t>(i))});
    if (deletion) deletions.push_back(*std::move(deletion));
  }
  for (Task<void>& deletion : deletions) co_await std::move(deletion);
}

void apply_configs(BrokerShard& shard, const quorum::MetadataUpdate& update) {
  bool all = false;
  for (const auto& resource : update.changes->configs) all |= resource.type == quorum::ConfigResourceType::kBroker;
  shard.for_each_partition([&](const std::shared_ptr<Partition>& partition) {
    const quorum::ConfigResource own{quorum::ConfigResourceType::kTopic, partition->topic()};
    if (!all && !update.changes->configs.contains(own)) return;
    const PartitionSettings settings = settings_of(shard, *update.after, partition->topic());
    partition->log().set_config(settings.log);
    settings.apply_to(*partition, shard.node().node_id);
  });
}

}  // namespace

Task<std::vector<PartitionKey>> apply_to_partitions(BrokerShard& shard, const quorum::MetadataUpdate& update) {
  NodeContext& node = shard.node();
  PartitionOpener opener(shard);
  for (const auto& [id, change] : update.changes->topics) {
    if (change.after == nullptr) {
      co_await delete_partitions(shard, *change.before);
      continue;
    }
    const PartitionSettings settings = settings_of(shard, *update.after, change.after->name);
    for (const PartitionIndex index : change.partitions) {
      const quorum::PartitionImage* image = change.after->partition(index);
      if (image == nullptr || &node.shard_of(id, index) != &shard) continue;
      if (!image->has_replica(node.node_id)) {
        // Moved to other brokers.
        if (auto deletion = delete_partition(shard, {id, index})) co_await *std::move(deletion);
        continue;
      }
      if (const std::shared_ptr<Partition>* existing = shard.find_partition(id, index)) {
        (*existing)->apply(*image);
        shard.replica_fetchers().on_applied(*existing);
        continue;
      }
      // Until the next start: made anew, it would be empty, and take the place of the log that cannot be seen.
      if (shard.is_offline({id, index})) continue;
      co_await opener.add({change.after, index, settings,
                           node.log_dirs->open_log(shard, {.partition = {change.after->name, index},
                                                           .topic_id = id,
                                                           .assigned_directory = image->directory_of(node.node_id),
                                                           .config = settings.log})});
    }
  }
  co_await opener.finish();
  apply_configs(shard, update);
  co_return std::move(opener.without_room);
}

Task<void> show_metadata(BrokerShard& shard, const quorum::MetadataUpdate& update) {
  shard.set_image(update.after);
  if (update.changes->client_quotas) shard.quotas().set_limits(*update.after);
  const auto is_subscription = [](const quorum::ConfigResource& resource) {
    return resource.type == quorum::ConfigResourceType::kClientMetrics;
  };
  if (std::ranges::any_of(update.changes->configs, is_subscription)) shard.telemetry().set_subscriptions(*update.after);
  shard.groups().on_metadata(update);
  if (!update.changes->brokers.empty()) {
    // Who came back may be in ISRs again, and be fetched from.
    shard.for_each_partition([](const std::shared_ptr<Partition>& partition) { partition->check_isr(); });
    shard.replica_fetchers().on_brokers_changed();
  }
  co_return;
}

}  // namespace weir::broker
