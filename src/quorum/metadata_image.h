// MetadataImage: what the cluster's metadata says after some record of the metadata log: features, brokers, topics,
// configs and the rest. A value that never changes once it is shared: copies cost little and share their parts, so the
// controller, the snapshots and every shard hold the image they work from. Any thread. Built by MetadataDelta; the
// records are described in docs/formats/metadata-log.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "base/uuid.h"
#include "quorum/metadata_version.h"
#include "quorum/persistent_map.h"

namespace weir::quorum {

using PartitionEpoch = Strong<struct PartitionEpochTag, int32_t>;  // counts the changes of a partition

// Where a replica lives when its directory is not known by id.
inline constexpr Uuid kMigratingDirectory{0, 0};   // from before directories had ids
inline constexpr Uuid kUnassignedDirectory{0, 1};  // the broker has not said yet
inline constexpr Uuid kLostDirectory{0, 2};        // in a directory that failed

// Whether `id` is a directory's own: neither one of the above nor kept free for more of them.
[[nodiscard]] constexpr bool is_reserved_directory(const Uuid& id) { return id.high() == 0 && id.low() < 100; }

struct NodeEndpoint {
  std::string name;  // of the listener
  std::string host;
  uint16_t port = 0;
  int16_t security_protocol = 0;  // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
  friend bool operator==(const NodeEndpoint&, const NodeEndpoint&) = default;
};

struct BrokerImage {
  NodeId id = kNoNode;
  BrokerEpoch epoch{-1};
  Uuid incarnation_id;
  std::vector<NodeEndpoint> endpoints;  // by name
  std::map<std::string, VersionRange, std::less<>> features;
  std::optional<std::string> rack;
  bool fenced = true;
  bool in_controlled_shutdown = false;
  bool is_migrating_zk_broker = false;
  std::vector<Uuid> directories;  // sorted
  std::vector<Uuid> cordoned_directories;

  // nullptr when the broker has no such listener.
  [[nodiscard]] const NodeEndpoint* endpoint(std::string_view listener) const;
  // May lead and be in an ISR.
  [[nodiscard]] bool is_active() const { return !fenced && !in_controlled_shutdown; }
  [[nodiscard]] bool has_directory(const Uuid& id) const;
  friend bool operator==(const BrokerImage&, const BrokerImage&) = default;
};

struct ControllerImage {
  NodeId id = kNoNode;
  Uuid incarnation_id;
  bool zk_migration_ready = false;
  std::vector<NodeEndpoint> endpoints;
  std::map<std::string, VersionRange, std::less<>> features;
  friend bool operator==(const ControllerImage&, const ControllerImage&) = default;
};

enum class LeaderRecoveryState : int8_t { kRecovered = 0, kRecovering = 1 };

struct PartitionImage {
  std::vector<NodeId> replicas;
  std::vector<Uuid> directories;  // of each replica
  std::vector<NodeId> isr;
  std::vector<NodeId> removing_replicas;
  std::vector<NodeId> adding_replicas;
  std::vector<NodeId> elr;
  std::vector<NodeId> last_known_elr;
  NodeId leader = kNoNode;
  LeaderRecoveryState leader_recovery_state = LeaderRecoveryState::kRecovered;
  LeaderEpoch leader_epoch{0};
  PartitionEpoch partition_epoch{0};

  [[nodiscard]] bool has_replica(NodeId id) const;
  [[nodiscard]] bool is_in_isr(NodeId id) const;
  // Where the replica of `broker` lives; kUnassignedDirectory when it has none.
  [[nodiscard]] Uuid directory_of(NodeId broker) const;
  friend bool operator==(const PartitionImage&, const PartitionImage&) = default;
};

struct TopicImage {
  std::string name;
  Uuid id;
  std::vector<std::shared_ptr<const PartitionImage>> partitions;  // none is null

  // nullptr when there is no such partition.
  [[nodiscard]] const PartitionImage* partition(PartitionIndex index) const;
  friend bool operator==(const TopicImage& a, const TopicImage& b);
};

// The numbers are those of the wire.
enum class ConfigResourceType : int8_t { kTopic = 2, kBroker = 4, kBrokerLogger = 8, kClientMetrics = 16, kGroup = 32 };

struct ConfigResource {
  ConfigResourceType type;
  std::string name;  // "" of kBroker: all brokers
  friend auto operator<=>(const ConfigResource&, const ConfigResource&) = default;
};

// Settings by name, as text.
using ConfigEntries = std::map<std::string, std::string, std::less<>>;

// Who a quota is for: the name of each entity type ("user", "client-id", "ip"); nothing for the type's default entity.
using QuotaEntity = std::map<std::string, std::optional<std::string>, std::less<>>;
using QuotaValues = std::map<std::string, double, std::less<>>;

struct ScramKey {
  int8_t mechanism;  // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512
  std::string user;
  friend auto operator<=>(const ScramKey&, const ScramKey&) = default;
};
struct ScramCredential {
  std::vector<uint8_t> salt;
  std::vector<uint8_t> stored_key;
  std::vector<uint8_t> server_key;
  int32_t iterations = 0;
  friend bool operator==(const ScramCredential&, const ScramCredential&) = default;
};

// One access rule, by the numbers of the wire.
struct AclImage {
  int8_t resource_type = 0;
  std::string resource_name;
  int8_t pattern_type = 0;
  std::string principal;
  std::string host;
  int8_t operation = 0;
  int8_t permission_type = 0;
  friend bool operator==(const AclImage&, const AclImage&) = default;
};

struct DelegationTokenImage {
  std::string owner;
  std::string requester;
  std::vector<std::string> renewers;
  Timestamp issued{0};
  Timestamp max{0};
  Timestamp expires{0};
  friend bool operator==(const DelegationTokenImage&, const DelegationTokenImage&) = default;
};

// How much of the metadata log an image holds.
struct Provenance {
  Offset last_offset = kNoOffset;
  LeaderEpoch epoch = kNoLeaderEpoch;
  Timestamp last_append_time = kNoTimestamp;
  friend bool operator==(const Provenance&, const Provenance&) = default;
};

struct MetadataImage {
  Provenance provenance;
  PersistentMap<std::string, int16_t> features;  // finalized levels, metadata.version among them; none has level 0
  PersistentMap<NodeId, std::shared_ptr<const BrokerImage>> brokers;
  PersistentMap<NodeId, std::shared_ptr<const ControllerImage>> controllers;
  PersistentMap<Uuid, std::shared_ptr<const TopicImage>> topics;
  PersistentMap<std::string, std::shared_ptr<const TopicImage>> topics_by_name;
  PersistentMap<ConfigResource, std::shared_ptr<const ConfigEntries>> configs;
  ProducerId next_producer_id = kNoProducerId;  // kNoProducerId: none was given out yet
  PersistentMap<QuotaEntity, QuotaValues> client_quotas;
  PersistentMap<ScramKey, std::shared_ptr<const ScramCredential>> scram_credentials;
  PersistentMap<Uuid, std::shared_ptr<const AclImage>> acls;
  PersistentMap<std::string, std::shared_ptr<const DelegationTokenImage>> delegation_tokens;

  // nullptr when there is none.
  [[nodiscard]] std::shared_ptr<const TopicImage> topic(const Uuid& id) const;
  [[nodiscard]] std::shared_ptr<const TopicImage> topic(std::string_view name) const;
  [[nodiscard]] const PartitionImage* partition(const Uuid& topic_id, PartitionIndex index) const;
  [[nodiscard]] const BrokerImage* broker(NodeId id) const;
  // No entries when nothing is set.
  [[nodiscard]] const ConfigEntries& config(ConfigResourceType type, std::string_view name) const;
  // 0 when the feature is not finalized.
  [[nodiscard]] int16_t feature_level(std::string_view feature) const;
  // The lowest supported one while the log says nothing.
  [[nodiscard]] MetadataVersion metadata_version() const;
  [[nodiscard]] bool is_elr_enabled() const { return feature_level(kElrFeature) > 0; }

  // Content, whatever record it comes from.
  [[nodiscard]] bool same_content(const MetadataImage& other) const;
};

}  // namespace weir::quorum
