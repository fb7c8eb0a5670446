#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "quorum/metadata_delta.h"
#include "quorum/metadata_loader.h"
#include "quorum/metadata_snapshot.h"

namespace weir::quorum {
namespace {

const Uuid kTopic(1, 1000);

MetadataRecords at_latest() { return MetadataRecords(kLatestMetadataVersion); }

std::vector<ByteView> values_of(const MetadataRecords& records) {
  std::vector<ByteView> values;
  for (size_t i = 0; i < records.size(); ++i) values.push_back(records[i]);
  return values;
}

Result<MetadataDelta::Outcome> replay(MetadataImage base, const MetadataRecords& records) {
  MetadataDelta delta(std::move(base));
  for (ByteView value : values_of(records)) TRY(delta.replay(value));
  return std::move(delta).finish({Offset(static_cast<int64_t>(records.size()) - 1), LeaderEpoch(1), Timestamp(5)});
}

protocol::PartitionRecord partition(int32_t index, std::vector<int32_t> replicas) {
  protocol::PartitionRecord record;
  record.partition_id = index;
  record.topic_id = kTopic;
  record.isr = replicas;
  record.leader = replicas.front();
  record.directories.resize(replicas.size(), kUnassignedDirectory);
  record.replicas = std::move(replicas);
  record.leader_epoch = 0;
  record.partition_epoch = 0;
  return record;
}

MetadataRecords one_topic() {
  auto records = at_latest();
  add_default_features(kLatestMetadataVersion, records);
  records.add(protocol::TopicRecord{.name = "t", .topic_id = kTopic});
  records.add(partition(0, {1, 2, 3}));
  records.add(partition(1, {2}));
  return records;
}

TEST(MetadataDelta, PartitionChangeWithALeaderRaisesBothEpochs) {
  auto records = one_topic();
  protocol::PartitionChangeRecord change;
  change.partition_id = 0;
  change.topic_id = kTopic;
  change.leader = 1;
  records.add(change);
  change.leader = -2;
  change.isr = std::vector<int32_t>{1};
  records.add(change);
  const auto outcome = replay({}, records);
  ASSERT_TRUE(outcome);
  const PartitionImage& after = *outcome->image.partition(kTopic, PartitionIndex(0));
  EXPECT_EQ(after.leader_epoch, LeaderEpoch(1)) << "the same leader set again begins an epoch, a new ISR does not";
  EXPECT_EQ(after.partition_epoch, PartitionEpoch(2));
  EXPECT_EQ(after.isr, std::vector{NodeId(1)});
  EXPECT_EQ(outcome->changes.topics.at(kTopic).partitions.size(), 2U);
}

TEST(MetadataDelta, LeavesTheImageItStartsFromAsItWas) {
  const auto base = replay({}, one_topic());
  auto records = at_latest();
  records.add(partition(2, {3}));
  const auto after = replay(base->image, records);
  ASSERT_TRUE(after);
  EXPECT_EQ(base->image.topic("t")->partitions.size(), 2U);
  EXPECT_EQ(after->image.topic("t")->partitions.size(), 3U);
  EXPECT_EQ(after->changes.topics.at(kTopic).before, base->image.topic("t"));
  EXPECT_EQ(after->image.topic("t"), after->image.topic(kTopic));
}

TEST(MetadataDelta, RemovedTopicTakesItsConfigsAlong) {
  auto records = one_topic();
  records.add(protocol::ConfigRecord{.resource_type = 2, .resource_name = "t", .name = "a", .value = "b"});
  const auto base = replay({}, records);
  auto removal = at_latest();
  removal.add(protocol::RemoveTopicRecord{.topic_id = kTopic});
  const auto after = replay(base->image, removal);
  ASSERT_TRUE(after);
  EXPECT_TRUE(after->image.config(ConfigResourceType::kTopic, "t").empty());
  EXPECT_EQ(after->changes.topics.at(kTopic).after, nullptr);
  EXPECT_TRUE(after->changes.configs.contains(ConfigResource{ConfigResourceType::kTopic, "t"}));
}

TEST(MetadataDelta, TopicThatComesAndGoesWithinADeltaIsNoChange) {
  auto records = one_topic();
  records.add(protocol::RemoveTopicRecord{.topic_id = kTopic});
  const auto outcome = replay({}, records);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->changes.topics.empty());
  EXPECT_TRUE(outcome->image.topics_by_name.empty());
}

TEST(MetadataDelta, ClearElrRaisesThePartitionEpochWhereThereWasAny) {
  auto records = one_topic();
  protocol::PartitionChangeRecord change;
  change.partition_id = 0;
  change.topic_id = kTopic;
  change.eligible_leader_replicas = std::vector<int32_t>{2};
  records.add(change);
  records.add(protocol::ClearElrRecord{.topic_name = ""});
  const auto outcome = replay({}, records);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->image.partition(kTopic, PartitionIndex(0))->elr.empty());
  EXPECT_EQ(outcome->image.partition(kTopic, PartitionIndex(0))->partition_epoch, PartitionEpoch(2));
  EXPECT_EQ(outcome->image.partition(kTopic, PartitionIndex(1))->partition_epoch, PartitionEpoch(0));
}

TEST(MetadataDelta, RecordsThatContradictTheImageAreCorrupt) {
  const auto base = replay({}, one_topic());
  const auto code_of = [&](const auto& record) {
    auto records = at_latest();
    records.add(record);
    const auto outcome = replay(base->image, records);
    return outcome ? std::optional<Errc>() : outcome.error().code;
  };
  protocol::PartitionChangeRecord change;
  change.topic_id = kTopic;
  change.partition_id = 9;
  EXPECT_EQ(code_of(change), Errc::kCorrupt);
  change.partition_id = 0;
  change.directories = std::vector<Uuid>{kUnassignedDirectory};
  EXPECT_EQ(code_of(change), Errc::kCorrupt) << "one directory for three replicas";
  EXPECT_EQ(code_of(partition(5, {1})), Errc::kCorrupt) << "partitions 2 to 4 are missing";
  EXPECT_EQ(code_of(partition(1 << 30, {1})), Errc::kCorrupt);
  EXPECT_EQ(code_of(protocol::TopicRecord{.name = "t", .topic_id = Uuid(5, 5)}), Errc::kCorrupt);
  EXPECT_EQ(code_of(protocol::TopicRecord{.name = "u", .topic_id = kTopic}), Errc::kCorrupt);
  EXPECT_EQ(code_of(protocol::RemoveTopicRecord{.topic_id = Uuid(5, 5)}), Errc::kCorrupt);
  EXPECT_EQ(code_of(protocol::FenceBrokerRecord{.id = 1, .epoch = 2}), Errc::kCorrupt);
  EXPECT_EQ(code_of(protocol::UnregisterBrokerRecord{.broker_id = 1, .broker_epoch = 2}), Errc::kCorrupt);
  EXPECT_EQ(code_of(protocol::FeatureLevelRecord{.name = kMetadataVersionFeature, .feature_level = 31}),
            Errc::kUnsupported);
  EXPECT_EQ(code_of(protocol::NoOpRecord{}), std::nullopt);
}

TEST(MetadataRecord, UnknownTypesVersionsAndFramesAreRefused) {
  const auto code_of = [](std::vector<uint8_t> bytes) { return decode_metadata_record(bytes).error().code; };
  EXPECT_EQ(code_of({0, 20, 0, 0}), Errc::kUnsupported) << "frame version 0";
  EXPECT_EQ(code_of({2, 20, 0, 0}), Errc::kUnsupported);
  EXPECT_EQ(code_of({1, 6, 0, 0}), Errc::kUnsupported) << "type 6 was never released";
  EXPECT_EQ(code_of({1, 20, 1, 0}), Errc::kUnsupported) << "NoOpRecord has version 0 only";
  EXPECT_EQ(code_of({1, 20, 0}), Errc::kCorrupt) << "cut short";
  EXPECT_EQ(code_of({1, 20, 0, 0, 0}), Errc::kCorrupt) << "a byte too many";
  EXPECT_EQ(code_of({}), Errc::kCorrupt);
}

TEST(MetadataRecord, BrokerChangesHaveTheLowestVersionThatCanSayThem) {
  protocol::BrokerRegistrationChangeRecord change;
  change.fenced = -1;
  EXPECT_EQ(record_version(change, kLatestMetadataVersion), 0);
  change.in_controlled_shutdown = 1;
  EXPECT_EQ(record_version(change, kLatestMetadataVersion), 1);
  change.log_dirs.emplace_back(1, 1000);
  EXPECT_EQ(record_version(change, kLatestMetadataVersion), 2);
  change.cordoned_log_dirs.emplace();
  EXPECT_EQ(record_version(change, kLatestMetadataVersion), 3);
}

// ------------------------------------------------------------------------------------------------------- round trips

class RandomImage {
 public:
  explicit RandomImage(uint32_t seed) : random_(seed), records_(kLatestMetadataVersion) {}

  MetadataRecords make() {
    add_default_features(kLatestMetadataVersion, records_);
    for (int32_t id = 1; id <= static_cast<int32_t>(below(4)); ++id) add_nodes(id);
    for (uint64_t i = 0; i < below(8); ++i) add_topic(i);
    for (uint64_t i = 0; i < below(6); ++i) add_rest(i);
    return std::move(records_);
  }

 private:
  uint64_t below(uint64_t bound) { return random_() % bound; }
  std::string_view text() { return texts_.emplace_back(std::string(below(20), static_cast<char>('a' + below(26)))); }
  std::vector<int32_t> some_ids() {
    std::vector<int32_t> ids;
    for (int32_t id = 1; id < 5; ++id) {
      if (below(2) == 0) ids.push_back(id);
    }
    return ids;
  }

  void add_nodes(int32_t id) {
    protocol::RegisterBrokerRecord broker;
    broker.broker_id = id;
    broker.incarnation_id = Uuid(random_(), random_());
    broker.broker_epoch = static_cast<int64_t>(below(1000));
    broker.end_points.push_back({"PLAINTEXT", text(), static_cast<uint16_t>(below(65536)), 0});
    broker.features.push_back({kMetadataVersionFeature, 7, 30});
    broker.rack.reset();
    if (below(2) == 0) broker.rack = text();
    broker.fenced = below(2) == 0;
    broker.in_controlled_shutdown = below(2) == 0;
    broker.log_dirs.emplace_back(5, below(1000));
    if (below(2) == 0) broker.cordoned_log_dirs.emplace(broker.log_dirs);
    records_.add(broker);
    protocol::RegisterControllerRecord controller;
    controller.controller_id = id;
    controller.incarnation_id = Uuid(random_(), random_());
    controller.end_points.push_back({"CONTROLLER", text(), 9093, 0});
    records_.add(controller);
  }

  void add_topic(uint64_t i) {
    const Uuid id(i + 1, random_());
    records_.add(protocol::TopicRecord{.name = texts_.emplace_back(fmt::format("topic-{}", i)), .topic_id = id});
    for (int32_t index = 0; index < static_cast<int32_t>(below(5)); ++index) {
      auto record = partition(index, {1, 2, 3});
      record.topic_id = id;
      record.isr = some_ids();
      record.leader = static_cast<int32_t>(below(5)) - 1;
      record.leader_recovery_state = static_cast<int8_t>(below(2));
      record.leader_epoch = static_cast<int32_t>(below(9));
      record.partition_epoch = static_cast<int32_t>(below(9));
      record.removing_replicas = some_ids();
      record.adding_replicas = some_ids();
      if (below(2) == 0) record.eligible_leader_replicas = some_ids();
      if (below(2) == 0) record.last_known_elr = some_ids();
      records_.add(record);
    }
  }

  void add_rest(uint64_t i) {
    records_.add(protocol::ConfigRecord{.resource_type = static_cast<int8_t>(1 << (1 + below(4))),
                                        .resource_name = text(),
                                        .name = texts_.emplace_back(fmt::format("key{}", below(3))),
                                        .value = text()});
    protocol::ClientQuotaRecord quota;
    quota.entity.push_back({"user", below(2) == 0 ? std::optional(text()) : std::nullopt});
    quota.key = "producer_byte_rate";
    quota.value = static_cast<double>(below(100)) / 7;
    records_.add(quota);
    records_.add(protocol::ProducerIdsRecord{.broker_id = 1, .broker_epoch = 2, .next_producer_id = 1000});
    protocol::UserScramCredentialRecord scram;
    scram.name = text();
    scram.mechanism = static_cast<int8_t>(1 + below(2));
    scram.salt = as_bytes(text());
    scram.iterations = 4096;
    records_.add(scram);
    protocol::AccessControlEntryRecord acl;
    acl.id = Uuid(i + 1, 4);
    acl.resource_name = text();
    acl.principal = text();
    records_.add(acl);
    protocol::DelegationTokenRecord token;
    token.owner = text();
    token.renewers = {text(), text()};
    token.token_id = text();
    token.expiration_timestamp = static_cast<int64_t>(below(1000));
    records_.add(token);
  }

  std::mt19937_64 random_;
  std::deque<std::string> texts_;
  MetadataRecords records_;
};

TEST(MetadataSnapshot, ImageComesBackFromItsRecords) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    const auto image = replay({}, RandomImage(seed).make());
    ASSERT_TRUE(image) << seed << ": " << image.error().message;
    const auto again = replay({}, image_to_records(image->image));
    ASSERT_TRUE(again) << seed << ": " << again.error().message;
    EXPECT_TRUE(again->image.same_content(image->image)) << seed;
    const auto changes = difference(image->image, again->image);
    EXPECT_TRUE(changes.topics.empty() && changes.configs.empty() && changes.brokers.empty() && !changes.features &&
                !changes.client_quotas && !changes.acls && !changes.delegation_tokens)
        << seed;
  }
}

TEST(MetadataDifference, IsWhatTheDeltaSays) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    const auto outcome = replay({}, RandomImage(seed).make());
    const auto changes = difference({}, outcome->image);
    EXPECT_EQ(changes.topics.size(), outcome->changes.topics.size());
    for (const auto& [id, change] : outcome->changes.topics) {
      EXPECT_EQ(changes.topics.at(id).partitions, change.partitions);
    }
    EXPECT_EQ(changes.configs, outcome->changes.configs);
    EXPECT_EQ(changes.brokers, outcome->changes.brokers);
    EXPECT_EQ(changes.scram_credentials, outcome->changes.scram_credentials);
  }
}

// ---------------------------------------------------------------------------------------------------------- the loader

class Recorder : public MetadataSubscriber {
 public:
  void on_metadata(const MetadataUpdate& update) override { updates.push_back(update); }
  std::vector<MetadataUpdate> updates;
};

Result<> load(MetadataLoader& loader, const MetadataRecords& records, int64_t last_offset) {
  const auto values = values_of(records);
  return loader.load({values, {Offset(last_offset), LeaderEpoch(1), Timestamp(1)}});
}

TEST(MetadataLoader, TransactionIsShownWholeAtItsEnd) {
  MetadataLoader loader;
  Recorder recorder;
  loader.subscribe(recorder);
  auto first = at_latest();
  first.add(protocol::BeginTransactionRecord{});
  first.add(protocol::TopicRecord{.name = "t", .topic_id = kTopic});
  ASSERT_TRUE(load(loader, first, 1));
  EXPECT_TRUE(loader.transaction_is_open());
  EXPECT_TRUE(recorder.updates.empty());
  EXPECT_EQ(loader.image()->topic("t"), nullptr);
  auto second = at_latest();
  second.add(partition(0, {1}));
  second.add(protocol::EndTransactionRecord{});
  ASSERT_TRUE(load(loader, second, 3));
  ASSERT_EQ(recorder.updates.size(), 1U);
  EXPECT_EQ(recorder.updates[0].after->topic("t")->partitions.size(), 1U);
  EXPECT_EQ(recorder.updates[0].after->provenance.last_offset, Offset(3));
}

TEST(MetadataLoader, AbortedTransactionLeavesNothing) {
  MetadataLoader loader;
  ASSERT_TRUE(load(loader, one_topic(), 9));
  auto records = at_latest();
  records.add(protocol::BeginTransactionRecord{});
  records.add(partition(2, {1}));
  ASSERT_TRUE(load(loader, records, 11));
  auto abort = at_latest();
  abort.add(protocol::AbortTransactionRecord{});
  ASSERT_TRUE(load(loader, abort, 12));
  EXPECT_EQ(loader.image()->topic("t")->partitions.size(), 2U);
  EXPECT_FALSE(loader.transaction_is_open());
}

TEST(MetadataLoader, ChangesBeforeATransactionInOneBatchAreKeptWhenItIsAborted) {
  // Both sides of the fork had the topic in hand: the aborted one must not have changed the other's.
  MetadataLoader loader;
  auto records = one_topic();
  records.add(protocol::BeginTransactionRecord{});
  records.add(partition(2, {1}));
  records.add(protocol::AbortTransactionRecord{});
  ASSERT_TRUE(load(loader, records, 20));
  EXPECT_EQ(loader.image()->topic("t")->partitions.size(), 2U);
}

TEST(MetadataLoader, MisplacedTransactionRecordsAreCorrupt) {
  for (int which = 0; which < 3; ++which) {
    MetadataLoader loader;
    auto records = at_latest();
    if (which == 0) records.add(protocol::EndTransactionRecord{});
    if (which == 1) records.add(protocol::AbortTransactionRecord{});
    if (which == 2) records.add(protocol::BeginTransactionRecord{});
    if (which == 2) records.add(protocol::BeginTransactionRecord{});
    EXPECT_EQ(load(loader, records, 1).error().code, Errc::kCorrupt) << which;
  }
}

TEST(MetadataLoader, LateSubscriberIsToldOfAllThatIsThere) {
  MetadataLoader loader;
  ASSERT_TRUE(load(loader, one_topic(), 9));
  Recorder recorder;
  loader.subscribe(recorder);
  ASSERT_EQ(recorder.updates.size(), 1U);
  EXPECT_EQ(recorder.updates[0].changes->topics.at(kTopic).partitions.size(), 2U);
  EXPECT_TRUE(recorder.updates[0].changes->features);
}

}  // namespace
}  // namespace weir::quorum
