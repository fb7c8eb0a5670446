// MetadataDelta: replays metadata records on top of an image. The controller uses it for what it has just decided, the
// loader for what was committed, both with the same result. Owned by whoever replays; one thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "quorum/metadata_image.h"
#include "quorum/metadata_record.h"

namespace weir::quorum {

// A topic that was created (nothing before), deleted (nothing after) or changed.
struct TopicChange {
  std::shared_ptr<const TopicImage> before;
  std::shared_ptr<const TopicImage> after;
  std::set<PartitionIndex> partitions;  // new or changed ones; none of a deleted topic
};

// What differs between two images.
struct MetadataChanges {
  std::map<Uuid, TopicChange> topics;
  std::set<ConfigResource> configs;
  std::set<NodeId> brokers;
  std::set<NodeId> controllers;
  std::set<ScramKey> scram_credentials;
  bool features = false;
  bool producer_ids = false;
  bool client_quotas = false;
  bool acls = false;
  bool delegation_tokens = false;
};

class MetadataDelta {
 public:
  explicit MetadataDelta(MetadataImage base) : image_(std::move(base)) {}
  MetadataDelta(MetadataDelta&&) = default;
  MetadataDelta& operator=(MetadataDelta&&) = default;

  // kUnsupported and kCorrupt as decode_metadata_record; kCorrupt too for a record that contradicts those before it.
  // After an error the delta is of no use.
  Result<> replay(ByteView value);
  Result<> replay(const MetadataRecord& record);

  // A copy to go back to; both may then replay on their own. The error of finish().
  Result<MetadataDelta> fork();

  struct Outcome {
    MetadataImage image;
    MetadataChanges changes;
  };
  // The image that results, with what it differs in. Ends the delta. kCorrupt when a topic lacks a partition below its
  // last.
  Result<Outcome> finish(Provenance provenance) &&;

 private:
  // Copies share the topics that they may change: fork() sees to that.
  MetadataDelta(const MetadataDelta&) = default;

  Result<> apply(const protocol::RegisterBrokerRecord& record);
  Result<> apply(const protocol::UnregisterBrokerRecord& record);
  Result<> apply(const protocol::TopicRecord& record);
  Result<> apply(const protocol::PartitionRecord& record);
  Result<> apply(const protocol::ConfigRecord& record);
  Result<> apply(const protocol::PartitionChangeRecord& record);
  Result<> apply(const protocol::FenceBrokerRecord& record);
  Result<> apply(const protocol::UnfenceBrokerRecord& record);
  Result<> apply(const protocol::RemoveTopicRecord& record);
  Result<> apply(const protocol::DelegationTokenRecord& record);
  Result<> apply(const protocol::UserScramCredentialRecord& record);
  Result<> apply(const protocol::FeatureLevelRecord& record);
  Result<> apply(const protocol::ClientQuotaRecord& record);
  Result<> apply(const protocol::ProducerIdsRecord& record);
  Result<> apply(const protocol::BrokerRegistrationChangeRecord& record);
  Result<> apply(const protocol::AccessControlEntryRecord& record);
  Result<> apply(const protocol::RemoveAccessControlEntryRecord& record);
  Result<> apply(const protocol::RemoveUserScramCredentialRecord& record);
  Result<> apply(const protocol::RemoveDelegationTokenRecord& record);
  Result<> apply(const protocol::RegisterControllerRecord& record);
  Result<> apply(const protocol::ClearElrRecord& record);
  // These say nothing about the metadata itself: transactions are the loader's.
  Result<> apply(const protocol::NoOpRecord&) { return {}; }
  Result<> apply(const protocol::ZkMigrationStateRecord&) { return {}; }
  Result<> apply(const protocol::BeginTransactionRecord&) { return {}; }
  Result<> apply(const protocol::EndTransactionRecord&) { return {}; }
  Result<> apply(const protocol::AbortTransactionRecord&) { return {}; }

  // Gives up the right to change the topics that were changed so far.
  Result<> settle();
  // A copy that this delta may change; nullptr when there is no such topic.
  TopicImage* changeable_topic(const Uuid& id);
  void set_partition(TopicImage& topic, size_t index, PartitionImage partition);
  void clear_elr(TopicImage& topic);
  // The broker with that epoch, to be changed and put back.
  Result<BrokerImage> registered_broker(std::string_view record, int32_t id, int64_t epoch) const;
  void put_broker(BrokerImage broker);

  MetadataImage image_;
  MetadataChanges changes_;
  std::unordered_map<Uuid, std::shared_ptr<TopicImage>> changed_topics_;
};

// What lies between any two images.
MetadataChanges difference(const MetadataImage& before, const MetadataImage& after);

// The partition after `record`. kCorrupt when the record's directories do not go with its replicas.
Result<PartitionImage> apply_change(const PartitionImage& before, const protocol::PartitionChangeRecord& record);

// Node ids as they are in records and requests.
std::vector<NodeId> to_nodes(const std::vector<int32_t>& ids);
std::vector<int32_t> to_ints(const std::vector<NodeId>& ids);

}  // namespace weir::quorum
