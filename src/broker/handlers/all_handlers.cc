// The list of what is served. ApiVersions answers from it.
#include <algorithm>
#include <array>

#include "broker/handlers/acl_handlers.h"
#include "broker/handlers/alter_client_quotas.h"
#include "broker/handlers/alter_configs.h"
#include "broker/handlers/alter_partition_reassignments.h"
#include "broker/handlers/alter_replica_log_dirs.h"
#include "broker/handlers/alter_user_scram_credentials.h"
#include "broker/handlers/api_versions.h"
#include "broker/handlers/consumer_group_describe.h"
#include "broker/handlers/consumer_group_heartbeat.h"
#include "broker/handlers/controller_handlers.h"
#include "broker/handlers/create_partitions.h"
#include "broker/handlers/create_topics.h"
#include "broker/handlers/delete_groups.h"
#include "broker/handlers/delete_records.h"
#include "broker/handlers/delete_topics.h"
#include "broker/handlers/describe_client_quotas.h"
#include "broker/handlers/describe_cluster.h"
#include "broker/handlers/describe_configs.h"
#include "broker/handlers/describe_groups.h"
#include "broker/handlers/describe_log_dirs.h"
#include "broker/handlers/describe_producers.h"
#include "broker/handlers/describe_quorum.h"
#include "broker/handlers/describe_topic_partitions.h"
#include "broker/handlers/describe_user_scram_credentials.h"
#include "broker/handlers/elect_leaders.h"
#include "broker/handlers/envelope.h"
#include "broker/handlers/fetch.h"
#include "broker/handlers/find_coordinator.h"
#include "broker/handlers/get_telemetry_subscriptions.h"
#include "broker/handlers/heartbeat.h"
#include "broker/handlers/incremental_alter_configs.h"
#include "broker/handlers/init_producer_id.h"
#include "broker/handlers/join_group.h"
#include "broker/handlers/leave_group.h"
#include "broker/handlers/list_config_resources.h"
#include "broker/handlers/list_groups.h"
#include "broker/handlers/list_offsets.h"
#include "broker/handlers/list_partition_reassignments.h"
#include "broker/handlers/metadata.h"
#include "broker/handlers/offset_commit.h"
#include "broker/handlers/offset_delete.h"
#include "broker/handlers/offset_fetch.h"
#include "broker/handlers/offset_for_leader_epoch.h"
#include "broker/handlers/produce.h"
#include "broker/handlers/push_telemetry.h"
#include "broker/handlers/raft_handlers.h"
#include "broker/handlers/sync_group.h"
#include "broker/handlers/update_features.h"
#include "broker/quota_service.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

template <class Handler>
constexpr bool overlaps() {
  if constexpr (requires { Handler::kOverlaps; }) return Handler::kOverlaps;
  return false;
}

template <class... Handlers>
std::array<ApiHandler, sizeof...(Handlers)> make_table() {
  std::array<ApiHandler, sizeof...(Handlers)> table{
      ApiHandler{Handlers::Request::kApiKey, Handlers::kVersions, overlaps<Handlers>(), &serve_with<Handlers>}...};
  std::ranges::sort(table, {}, &ApiHandler::key);
  return table;
}

const auto kBrokerHandlers = make_table<
    ApiVersionsHandler, MetadataHandler, ProduceHandler, FetchHandler, ListOffsetsHandler, OffsetForLeaderEpochHandler,
    InitProducerIdHandler, FindCoordinatorHandler, CreateTopicsHandler, DeleteTopicsHandler, CreatePartitionsHandler,
    DeleteRecordsHandler, DescribeConfigsHandler, IncrementalAlterConfigsHandler, AlterConfigsHandler,
    DescribeClusterHandler, DescribeTopicPartitionsHandler, JoinGroupHandler, SyncGroupHandler, HeartbeatHandler,
    LeaveGroupHandler, OffsetCommitHandler, OffsetFetchHandler, OffsetDeleteHandler, ListGroupsHandler,
    DescribeGroupsHandler, DeleteGroupsHandler, ElectLeadersHandler, AlterPartitionReassignmentsHandler,
    ListPartitionReassignmentsHandler, UpdateFeaturesHandler, DescribeQuorumHandler, DescribeProducersHandler,
    ListConfigResourcesHandler, UnregisterBrokerHandler, DescribeClientQuotasHandler, AlterClientQuotasHandler,
    DescribeUserScramCredentialsHandler, AlterUserScramCredentialsHandler, DescribeAclsHandler, CreateAclsHandler,
    DeleteAclsHandler, GetTelemetrySubscriptionsHandler, PushTelemetryHandler, ConsumerGroupHeartbeatHandler,
    ConsumerGroupDescribeHandler, DescribeLogDirsHandler, AlterReplicaLogDirsHandler, AddRaftVoterHandler,
    RemoveRaftVoterHandler>();

const auto kControllerHandlers =
    make_table<ApiVersionsHandler, RaftFetchHandler, VoteHandler, BeginQuorumEpochHandler, EndQuorumEpochHandler,
               FetchSnapshotHandler, DescribeQuorumHandler, BrokerRegistrationHandler, BrokerHeartbeatHandler,
               UnregisterBrokerHandler, AllocateProducerIdsHandler, AlterPartitionHandler, AssignReplicasToDirsHandler,
               ControllerRegistrationHandler, EnvelopeHandler, CreateTopicsHandler, DeleteTopicsHandler,
               CreatePartitionsHandler, DescribeClusterHandler, DescribeConfigsHandler, IncrementalAlterConfigsHandler,
               AlterConfigsHandler, ElectLeadersHandler, AlterPartitionReassignmentsHandler,
               ListPartitionReassignmentsHandler, UpdateFeaturesHandler, AlterClientQuotasHandler,
               DescribeUserScramCredentialsHandler, AlterUserScramCredentialsHandler, DescribeAclsHandler,
               CreateAclsHandler, DeleteAclsHandler, AddRaftVoterHandler, RemoveRaftVoterHandler,
               UpdateRaftVoterHandler>();

}  // namespace

Task<void> charge_time(RequestContext& context) { return context.shard.quotas().charge_time(context); }

const ApiHandler* ApiTable::find(protocol::ApiKey key) const {
  const auto found = std::ranges::lower_bound(handlers_, key, {}, &ApiHandler::key);
  return found != handlers_.end() && found->key == key ? &*found : nullptr;
}

const ApiTable& broker_apis() {
  static const ApiTable table(kBrokerHandlers, false);
  return table;
}

const ApiTable& controller_apis() {
  static const ApiTable table(kControllerHandlers, true);
  return table;
}

}  // namespace weir::broker
