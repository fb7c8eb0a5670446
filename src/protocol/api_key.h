// ApiKey: which request a frame holds; and what the schemas say about each API. Constants: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::protocol {

enum class ApiKey : int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kLeaderAndIsr = 4,
  kStopReplica = 5,
  kUpdateMetadata = 6,
  kControlledShutdown = 7,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kFindCoordinator = 10,
  kJoinGroup = 11,
  kHeartbeat = 12,
  kLeaveGroup = 13,
  kSyncGroup = 14,
  kDescribeGroups = 15,
  kListGroups = 16,
  kSaslHandshake = 17,
  kApiVersions = 18,
  kCreateTopics = 19,
  kDeleteTopics = 20,
  kDeleteRecords = 21,
  kInitProducerId = 22,
  kOffsetForLeaderEpoch = 23,
  kAddPartitionsToTxn = 24,
  kAddOffsetsToTxn = 25,
  kEndTxn = 26,
  kWriteTxnMarkers = 27,
  kTxnOffsetCommit = 28,
  kDescribeAcls = 29,
  kCreateAcls = 30,
  kDeleteAcls = 31,
  kDescribeConfigs = 32,
  kAlterConfigs = 33,
  kAlterReplicaLogDirs = 34,
  kDescribeLogDirs = 35,
  kSaslAuthenticate = 36,
  kCreatePartitions = 37,
  kCreateDelegationToken = 38,
  kRenewDelegationToken = 39,
  kExpireDelegationToken = 40,
  kDescribeDelegationToken = 41,
  kDeleteGroups = 42,
  kElectLeaders = 43,
  kIncrementalAlterConfigs = 44,
  kAlterPartitionReassignments = 45,
  kListPartitionReassignments = 46,
  kOffsetDelete = 47,
  kDescribeClientQuotas = 48,
  kAlterClientQuotas = 49,
  kDescribeUserScramCredentials = 50,
  kAlterUserScramCredentials = 51,
  kVote = 52,
  kBeginQuorumEpoch = 53,
  kEndQuorumEpoch = 54,
  kDescribeQuorum = 55,
  kAlterPartition = 56,
  kUpdateFeatures = 57,
  kEnvelope = 58,
  kFetchSnapshot = 59,
  kDescribeCluster = 60,
  kDescribeProducers = 61,
  kBrokerRegistration = 62,
  kBrokerHeartbeat = 63,
  kUnregisterBroker = 64,
  kDescribeTransactions = 65,
  kListTransactions = 66,
  kAllocateProducerIds = 67,
  kConsumerGroupHeartbeat = 68,
  kConsumerGroupDescribe = 69,
  kControllerRegistration = 70,
  kGetTelemetrySubscriptions = 71,
  kPushTelemetry = 72,
  kAssignReplicasToDirs = 73,
  kListConfigResources = 74,
  kDescribeTopicPartitions = 75,
  kShareGroupHeartbeat = 76,
  kShareGroupDescribe = 77,
  kShareFetch = 78,
  kShareAcknowledge = 79,
  kAddRaftVoter = 80,
  kRemoveRaftVoter = 81,
  kUpdateRaftVoter = 82,
  kInitializeShareGroupState = 83,
  kReadShareGroupState = 84,
  kWriteShareGroupState = 85,
  kDeleteShareGroupState = 86,
  kReadShareGroupStateSummary = 87,
  kStreamsGroupHeartbeat = 88,
  kStreamsGroupDescribe = 89,
  kDescribeShareGroupOffsets = 90,
  kAlterShareGroupOffsets = 91,
  kDeleteShareGroupOffsets = 92,
};

// Which listeners of Kafka serve an API, as bits.
inline constexpr uint8_t kBrokerListener = 1;
inline constexpr uint8_t kControllerListener = 2;

// An API that is gone (keys 4 to 7) has no versions: min_version is greater than max_version.
struct ApiInfo {
  ApiKey key;
  std::string_view name;
  int16_t min_version;
  int16_t max_version;
  int16_t max_stable_version;  // less than max_version while the last version may still change
  int16_t first_flexible_version;
  uint8_t listeners;

  [[nodiscard]] bool has_version(int16_t version) const { return version >= min_version && version <= max_version; }
  [[nodiscard]] bool is_flexible(int16_t version) const { return version >= first_flexible_version; }
  // Headers: a request has version 1 or, where its version is flexible, 2; a response 0 or 1. ApiVersions answers with
  // 0 always, as its client does not know yet what the broker speaks.
  [[nodiscard]] int16_t request_header_version(int16_t version) const { return is_flexible(version) ? 2 : 1; }
  [[nodiscard]] int16_t response_header_version(int16_t version) const {
    return is_flexible(version) && key != ApiKey::kApiVersions ? 1 : 0;
  }
};

// All APIs, ascending by key.
std::span<const ApiInfo> all_apis();
// Null for a key that no schema has; keys come from clients.
const ApiInfo* find_api(int16_t key);
inline const ApiInfo& api_info(ApiKey key) { return *find_api(static_cast<int16_t>(key)); }
inline std::string_view api_name(ApiKey key) { return api_info(key).name; }

}  // namespace weir::protocol
