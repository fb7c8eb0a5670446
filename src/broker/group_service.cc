#include "broker/group_service.h"

#include <algorithm>

#include "base/log.h"
#include "broker/partition/partition_log_reader.h"
#include "broker/shard.h"
#include "protocol/batch_builder.h"
#include "protocol/control_record.h"

namespace weir::broker {
namespace {

// While a write is under way: how often it is looked at whether the node stops, and how long it then may take.
constexpr Duration kCommitCheck = seconds(1);
constexpr Duration kStopPatience = seconds(5);

}  // namespace

// Reads the image that the shard shows.
class GroupService::Catalog final : public TopicCatalog {
 public:
  explicit Catalog(BrokerShard& shard) : shard_(shard) {}

  [[nodiscard]] std::optional<std::string> name_of(const Uuid& topic_id) const override {
    const auto topic = shard_.image()->topic(topic_id);
    if (topic == nullptr) return std::nullopt;
    return topic->name;
  }
  [[nodiscard]] Uuid id_of(std::string_view name) const override {
    const auto topic = shard_.image()->topic(name);
    return topic == nullptr ? kZeroUuid : topic->id;
  }
  [[nodiscard]] bool has_partition(std::string_view name, int32_t partition) const override {
    const auto topic = shard_.image()->topic(name);
    return topic != nullptr && topic->partition(PartitionIndex(partition)) != nullptr;
  }
  [[nodiscard]] int32_t partition_count(const Uuid& topic_id) const override {
    const auto topic = shard_.image()->topic(topic_id);
    return topic == nullptr ? 0 : static_cast<int32_t>(topic->partitions.size());
  }
  [[nodiscard]] std::optional<TopicDescription> describe(std::string_view name) const override {
    const auto image = shard_.image();
    const auto topic = image->topic(name);
    if (topic == nullptr) return std::nullopt;
    TopicDescription description{.id = topic->id};
    for (const auto& partition : topic->partitions) {
      auto& racks = description.racks.emplace_back();
      for (const NodeId replica : partition->replicas) {
        const quorum::BrokerImage* broker = image->broker(replica);
        if (broker != nullptr && broker->rack) racks.emplace_back(*broker->rack);
      }
    }
    return description;
  }
  void for_each_topic(const std::function<void(std::string_view)>& visit) const override {
    const auto image = shard_.image();
    for (const auto& [name, topic] : image->topics_by_name) visit(name);
  }
  [[nodiscard]] int64_t version() const override { return shard_.image()->provenance.last_offset.value(); }
  [[nodiscard]] int32_t group_setting(std::string_view group_id, std::string_view key) const override {
    if (settings_of_ != shard_.image()) {
      settings_of_ = shard_.image();
      settings_.clear();
    }
    const auto& own = settings_of_->config(quorum::ConfigResourceType::kGroup, group_id);
    // Of the few groups with settings of their own each has an entry, of all others together one.
    std::pair<std::string, std::string> place(own.empty() ? std::string_view() : group_id, key);
    if (const auto known = settings_.find(place); known != settings_.end()) return known->second;
    const int32_t value = group_setting_in_force(own, shard_.node().layers(*settings_of_), key);
    settings_.emplace(std::move(place), value);
    return value;
  }

 private:
  BrokerShard& shard_;
  // What group_setting() has found out, and from which image: heartbeats ask for it again and again.
  mutable std::shared_ptr<const quorum::MetadataImage> settings_of_;
  mutable std::map<std::pair<std::string, std::string>, int32_t> settings_;
};

// The partition of __consumer_offsets as its coordinator sees it.
class GroupService::Log final : public GroupLog {
 public:
  Log(BrokerShard& shard, std::shared_ptr<Partition> partition) : shard_(shard), partition_(std::move(partition)) {}

  Task<Result<Offset>> append(std::span<const CoordinatorRecord> records) override {
    protocol::BatchBuilder builder({.codec = protocol::Compression::kNone, .base_sequence = 0});
    const Timestamp now = shard_.node().seams.clock.wall();
    for (const CoordinatorRecord& record : records) {
      builder.append(now, record.key, record.value ? std::optional<ByteView>(*record.value) : std::nullopt);
    }
    const SharedBytes batch = builder.finish();
    const ProduceResult appended = partition_->append_internal({batch.owner.data(), batch.bytes.size()});
    if (appended.error != protocol::ErrorCode::kNone)
      co_return fail(code_of(appended.error), "the offsets topic takes no records");
    CO_TRY(co_await wait_until_committed(appended.last_offset));
    co_return appended.base_offset;
  }
  // A flush that waits for room on the disk must not keep a node from stopping.
  void give_up_at(MonotonicTime time) { give_up_at_ = time; }

  [[nodiscard]] size_t batch_size_max() const override {
    return static_cast<size_t>(partition_->log().config().batch_size_max) / 2;
  }

  // A new leader does not know at first how far its log was committed: what clients were told may lie above its high
  // watermark.
  Task<Result<void>> read_all(GroupLogReader& reader) override {
    if (const Offset end = partition_->log().log_end_offset(); end > Offset(0)) {
      CO_TRY(co_await wait_until_committed(end - 1));
    }
    co_return co_await read_partition(shard_.cold_reads(), shard_.node().seams.disk_threads, partition_,
                                      [&reader](const protocol::RecordBatch& batch) { return replay(batch, reader); });
  }

 private:
  Task<Result<void>> wait_until_committed(Offset last) {
    Loop& loop = Loop::current();
    while (!co_await partition_->wait_committed(last, std::min(give_up_at_, loop.now() + kCommitCheck))) {
      if (partition_->stopped() || !partition_->is_leader()) {
        co_return fail(Errc::kUnavailable, "the offsets topic has moved");
      }
      if (loop.now() >= give_up_at_) co_return fail(Errc::kUnavailable, "the node stops");
    }
    co_return Result<>();
  }

  static Errc code_of(protocol::ErrorCode error) {
    switch (error) {
      case protocol::ErrorCode::kNotEnoughReplicas:
        return Errc::kBusy;
      case protocol::ErrorCode::kMessageTooLarge:
      case protocol::ErrorCode::kRecordListTooLarge:
        return Errc::kTooLarge;
      case protocol::ErrorCode::kKafkaStorageError:
        return Errc::kIo;
      default:
        return Errc::kUnavailable;
    }
  }

  static Result<> replay(const protocol::RecordBatch& batch, GroupLogReader& reader) {
    // What decompresses to more than this was not written by a coordinator.
    constexpr size_t kBatchSizeMax = size_t{256} << 20;
    TRY_ASSIGN(protocol::OpenBatch open, protocol::open_batch(batch, kBatchSizeMax));
    for (;;) {
      TRY_ASSIGN(const std::optional<protocol::Record> record, open.cursor.next());
      if (!record) return {};
      if (batch.is_control()) {
        TRY_ASSIGN(const protocol::ControlType type, protocol::parse_control_key(record->key.value_or(ByteView{})));
        const bool ends = type == protocol::ControlType::kCommit || type == protocol::ControlType::kAbort;
        if (ends) reader.on_marker(batch.producer_id(), type == protocol::ControlType::kCommit);
      } else if (record->key) {
        const ProducerId producer = batch.is_transactional() ? batch.producer_id() : kNoProducerId;
        reader.on_record(record->offset, producer, *record->key, record->value);
      }
    }
  }

  BrokerShard& shard_;
  std::shared_ptr<Partition> partition_;
  MonotonicTime give_up_at_ = kNever;
};

GroupService::GroupService(BrokerShard& shard, GroupConfig config)
    : shard_(shard), config_(config), catalog_(std::make_unique<Catalog>(shard)) {}

GroupService::~GroupService() = default;

void GroupService::on_metadata(const quorum::MetadataUpdate& update) {
  std::vector<std::string> changed;
  bool any_new = false;
  for (const auto& [id, change] : update.changes->topics) {
    any_new |= change.before == nullptr;
    changed.push_back(change.after != nullptr ? change.after->name : change.before->name);
    const std::string& name = change.after != nullptr ? change.after->name : change.before->name;
    if (name == kConsumerOffsetsTopic && change.after != nullptr) {
      for (const PartitionIndex index : change.partitions) {
        const std::shared_ptr<Partition>* partition = shard_.find_partition(id, index);
        if (partition != nullptr && (*partition)->is_leader()) {
          elect(*partition);
        } else {
          resign(index);
        }
      }
    }
    if (change.after != nullptr) continue;
    if (name == kConsumerOffsetsTopic) {
      while (!coordinators_.empty()) resign(coordinators_.begin()->first);
    }
    std::vector<TopicPartition> deleted;
    for (size_t i = 0; i < change.before->partitions.size(); ++i) deleted.push_back({name, static_cast<int32_t>(i)});
    for_each([&](GroupShell& shell) {
      if (shell.active()) shell.on_partitions_deleted(deleted);
    });
  }
  if (changed.empty()) return;
  for_each([&](GroupShell& shell) { shell.on_topics_changed(changed, any_new); });
}

std::shared_ptr<GroupShell> GroupService::find(PartitionIndex index) {
  const auto found = coordinators_.find(index);
  if (found == coordinators_.end()) return nullptr;
  return {found->second, found->second->shell.get()};
}

void GroupService::elect(const std::shared_ptr<Partition>& partition) {
  if (coordinators_.contains(partition->index())) return;
  auto coordinator = std::make_shared<Coordinator>();
  coordinator->log = std::make_unique<Log>(shard_, partition);
  coordinator->shell = std::make_unique<GroupShell>(shard_.loop(), shard_.node().seams.clock,
                                                    shard_.node().seams.random, *catalog_, *coordinator->log, config_);
  coordinators_.emplace(partition->index(), coordinator);
  shard_.loop().spawn(load(std::move(coordinator), partition->index()));
}

void GroupService::resign(PartitionIndex index) {
  const auto found = coordinators_.find(index);
  if (found == coordinators_.end()) return;
  shard_.loop().spawn(retire(std::move(found->second)));
  coordinators_.erase(found);
}

Task<void> GroupService::retire(std::shared_ptr<Coordinator> coordinator) { co_await coordinator->shell->shut_down(); }

Task<void> GroupService::stop() {
  const MonotonicTime patience = Loop::current().now() + kStopPatience;
  for (const auto& [index, coordinator] : coordinators_) coordinator->log->give_up_at(patience);
  while (!coordinators_.empty()) {
    const std::shared_ptr<Coordinator> coordinator = std::move(coordinators_.begin()->second);
    coordinators_.erase(coordinators_.begin());
    co_await retire(coordinator);
  }
}

Task<void> GroupService::load(std::shared_ptr<Coordinator> coordinator, PartitionIndex index) {
  const Result<> loaded = co_await coordinator->shell->load();
  if (loaded) co_return;
  log_error("group", "the groups of an offsets partition cannot be loaded", kv("partition", index),
            kv("why", loaded.error().message));
}

}  // namespace weir::broker
