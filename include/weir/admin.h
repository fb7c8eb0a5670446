// Admin: looks at and changes topics, configurations, groups and offsets. Threads, errors: client.h. A call for several
// things gives a result for each, in the order asked; the call as a whole fails only when no broker would answer.
#pragma once

#include <map>
#include <memory>

#include "base/uuid.h"
#include "weir/client.h"
#include "weir/record.h"

namespace weir::client {

struct NodeDescription {
  NodeId id;
  Endpoint endpoint;
  std::string rack;        // empty: none
  bool is_fenced = false;  // registered, and not heard of
};

// A log directory of a broker.
struct LogDirDescription {
  std::string path;
  bool is_online = true;
  int64_t total_bytes = -1;  // of its file system; -1: the broker does not tell
  int64_t usable_bytes = -1;
  bool is_cordoned = false;                    // takes no new replicas
  std::map<TopicPartition, int64_t> replicas;  // with their sizes in bytes
};

// Replicas that are being copied to some brokers, and leave others then.
struct ReassignmentDescription {
  TopicPartition partition;
  std::vector<NodeId> replicas;  // old and new
  std::vector<NodeId> adding;
  std::vector<NodeId> removing;
};

struct ClusterDescription {
  std::string cluster_id;
  NodeId controller = kNoNode;
  std::vector<NodeDescription> brokers;
};

struct PartitionDescription {
  PartitionIndex index;
  NodeId leader = kNoNode;  // kNoNode while there is none
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::vector<NodeId> replicas;
  std::vector<NodeId> in_sync;
};

struct TopicDescription {
  std::string name;
  Uuid id;
  bool internal = false;
  std::vector<PartitionDescription> partitions;
};

// A replica of the metadata log, as its leader knows it.
struct QuorumReplica {
  NodeId id;
  Uuid directory_id;  // zero: not known
  Offset end_offset = kNoOffset;
  Timestamp last_fetch = kNoTimestamp;
  Timestamp last_caught_up = kNoTimestamp;
};
struct QuorumDescription {
  NodeId leader = kNoNode;
  LeaderEpoch epoch = kNoLeaderEpoch;
  Offset high_watermark = kNoOffset;
  std::vector<QuorumReplica> voters;
  std::vector<QuorumReplica> observers;
  std::map<NodeId, std::vector<Endpoint>> endpoints;  // of the voters
};

// Where a controller is reached: by the name of its listener.
struct VoterListener {
  std::string name;
  Endpoint endpoint;
};

// Whose quota it is: names by "user", "client-id" (both together: that user's client) or "ip"; without a name the
// default of all who have none of their own.
using QuotaEntity = std::map<std::string, std::optional<std::string>>;
struct QuotaDescription {
  QuotaEntity entity;
  std::map<std::string, double> values;  // by key, e.g. producer_byte_rate in bytes a second
};

struct FeatureDescription {
  std::string name;
  int16_t supported_min = 0;
  int16_t supported_max = 0;
  int16_t level = 0;  // that the cluster is at; 0: off
};
enum class FeatureChange : int8_t { kUpgrade = 1, kSafeDowngrade = 2, kUnsafeDowngrade = 3 };

struct NewTopic {
  std::string name;
  int32_t partitions = -1;          // -1: the broker's default
  int16_t replication_factor = -1;  // -1: the broker's default
  std::map<std::string, std::string> configs;
};

// The numbers are those of the wire. kBroker named "": all brokers.
enum class ConfigResourceType : int8_t { kTopic = 2, kBroker = 4, kBrokerLogger = 8, kClientMetrics = 16, kGroup = 32 };
struct ConfigResource {
  ConfigResourceType type = ConfigResourceType::kTopic;
  std::string name;
};
struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  // absent: sensitive
  std::string source;                // topic, broker, cluster, file, default, logger, client-metrics, group
  bool read_only = false;
  bool sensitive = false;
};
// Absent value: back to the default.
using ConfigChanges = std::map<std::string, std::optional<std::string>>;

// A place in a partition that only the broker knows the offset of.
inline constexpr Timestamp kEarliestSpec{-2};
inline constexpr Timestamp kLatestSpec{-1};
struct FoundOffset {
  Offset offset = kNoOffset;  // kNoOffset: no record at or after the timestamp
  Timestamp timestamp = kNoTimestamp;
};

struct GroupListing {
  std::string id;
  std::string protocol_type;  // "consumer" for consumer groups
  std::string state;          // Stable, Empty, ...
  std::string type;           // classic, consumer, share, streams
};
struct GroupMember {
  std::string id;
  std::string instance;  // empty: dynamic
  std::string client_id;
  std::string host;
  std::vector<TopicPartition> assignment;
  int32_t epoch = -1;  // of the consumer protocol; -1 in classic groups
};
struct GroupDescription {
  std::string id;
  std::string type;  // classic, consumer
  std::string state;
  std::string protocol_type;
  std::string assignor;
  NodeId coordinator = kNoNode;
  int32_t epoch = -1;  // of the consumer protocol; -1 for classic groups
  std::vector<GroupMember> members;
};
struct CommittedOffset {
  Offset offset = kNoOffset;
  std::string metadata;
};

template <class T = void>
struct Outcome {
  std::string name;
  Result<T> result;
};

class Admin {
 public:
  explicit Admin(const Client& client);

  Task<Result<ClusterDescription>> describe_cluster();

  // By id; fenced ones too. kUnsupported before Apache Kafka 4.0.
  Task<Result<std::vector<NodeDescription>>> describe_brokers();
  // Of one broker, asked itself. kNotFound when it is fenced.
  Task<Result<std::vector<LogDirDescription>>> describe_log_dirs(NodeId broker);
  // Those under way.
  Task<Result<std::vector<ReassignmentDescription>>> list_reassignments();

  Task<Result<QuorumDescription>> describe_quorum();
  // Makes a controller that runs as an observer a voter, or a voter no voter any more; done when that is committed.
  // kInvalidArgument, kAlreadyExists, kNotFound; kTimedOut when another change is under way, or the new voter is not
  // there or lags: later it may go.
  Task<Result<>> add_voter(NodeId id, Uuid directory_id, std::vector<VoterListener> listeners);
  Task<Result<>> remove_voter(NodeId id, Uuid directory_id);
  // By name.
  Task<Result<std::vector<FeatureDescription>>> describe_features();
  // All levels that are named, or none. kInvalidArgument says which cannot be, and why.
  Task<Result<>> update_features(std::map<std::string, int16_t> levels, FeatureChange change, bool validate_only);

  // All topics, internal ones too, by name.
  Task<Result<std::vector<TopicDescription>>> list_topics();
  Task<Result<std::vector<Outcome<TopicDescription>>>> describe_topics(std::vector<std::string> names);
  // With validate_only nothing is made, and the outcome says whether it could be.
  Task<Result<std::vector<Outcome<>>>> create_topics(std::vector<NewTopic> topics, bool validate_only = false);
  Task<Result<std::vector<Outcome<>>>> delete_topics(std::vector<std::string> names);
  // Raises the number of partitions to `total`.
  Task<Result<>> create_partitions(std::string topic, int32_t total);
  // Deletes the records below each offset (kLatestSpec's value, -1: all); gives the first offset that is left.
  Task<Result<std::vector<Outcome<Offset>>>> delete_records(std::map<TopicPartition, Offset> before);

  // What has settings: topics and brokers all, groups and subscriptions to client metrics those with some.
  Task<Result<std::vector<ConfigResource>>> list_config_resources();
  Task<Result<std::vector<ConfigEntry>>> describe_config(ConfigResource resource);
  Task<Result<>> alter_config(ConfigResource resource, ConfigChanges changes);

  Task<Result<std::vector<QuotaDescription>>> describe_quotas();
  // Sets quotas, and removes those without a value. kInvalidArgument says what the cluster does not take.
  Task<Result<>> alter_quotas(QuotaEntity entity, std::map<std::string, std::optional<double>> changes);

  // For each partition the first offset at or after a timestamp, or one of the specs above.
  Task<Result<std::map<TopicPartition, Result<FoundOffset>>>> list_offsets(std::map<TopicPartition, Timestamp> wanted);

  Task<Result<std::vector<GroupListing>>> list_groups();
  Task<Result<GroupDescription>> describe_group(std::string group);
  Task<Result<>> delete_group(std::string group);
  Task<Result<std::map<TopicPartition, CommittedOffset>>> committed_offsets(std::string group);
  // The group must have no member.
  Task<Result<>> alter_offsets(std::string group, std::map<TopicPartition, Offset> offsets);
  Task<Result<>> delete_offsets(std::string group, std::vector<TopicPartition> partitions);

 private:
  std::shared_ptr<Cluster> cluster_;
};

}  // namespace weir::client
