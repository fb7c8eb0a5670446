// Controller: decides what becomes of the cluster's metadata. Each decide() looks at the image and answers with records
// to append; replay() takes the records in once they are appended, so that the next decision builds on them. Plain
// code: no I/O; time and randomness are handed in. Owned by ControllerShell, which writes; its loop only. The records
// are described in docs/formats/metadata-log.md.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/seams.h"
#include "broker/controller/broker_sessions.h"
#include "broker/controller/config_rules.h"
#include "broker/controller/decision.h"
#include "broker/quota/mutation_quotas.h"
#include "protocol/messages/allocate_producer_ids_request.h"
#include "protocol/messages/allocate_producer_ids_response.h"
#include "protocol/messages/alter_client_quotas_request.h"
#include "protocol/messages/alter_client_quotas_response.h"
#include "protocol/messages/alter_configs_request.h"
#include "protocol/messages/alter_configs_response.h"
#include "protocol/messages/alter_partition_reassignments_request.h"
#include "protocol/messages/alter_partition_reassignments_response.h"
#include "protocol/messages/alter_partition_request.h"
#include "protocol/messages/alter_partition_response.h"
#include "protocol/messages/alter_user_scram_credentials_request.h"
#include "protocol/messages/alter_user_scram_credentials_response.h"
#include "protocol/messages/assign_replicas_to_dirs_request.h"
#include "protocol/messages/assign_replicas_to_dirs_response.h"
#include "protocol/messages/broker_heartbeat_request.h"
#include "protocol/messages/broker_heartbeat_response.h"
#include "protocol/messages/broker_registration_request.h"
#include "protocol/messages/broker_registration_response.h"
#include "protocol/messages/controller_registration_request.h"
#include "protocol/messages/controller_registration_response.h"
#include "protocol/messages/create_partitions_request.h"
#include "protocol/messages/create_partitions_response.h"
#include "protocol/messages/create_topics_request.h"
#include "protocol/messages/create_topics_response.h"
#include "protocol/messages/delete_topics_request.h"
#include "protocol/messages/delete_topics_response.h"
#include "protocol/messages/elect_leaders_request.h"
#include "protocol/messages/elect_leaders_response.h"
#include "protocol/messages/incremental_alter_configs_request.h"
#include "protocol/messages/incremental_alter_configs_response.h"
#include "protocol/messages/list_partition_reassignments_request.h"
#include "protocol/messages/list_partition_reassignments_response.h"
#include "protocol/messages/unregister_broker_request.h"
#include "protocol/messages/unregister_broker_response.h"
#include "protocol/messages/update_features_request.h"
#include "protocol/messages/update_features_response.h"
#include "quorum/metadata_delta.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

// From the node's settings, named as there.
struct ControllerOptions {
  NodeId node_id = kNoNode;
  std::string cluster_id;
  bool delete_topic_enable = true;
  int32_t num_partitions = 1;
  int16_t default_replication_factor = 1;
  Duration broker_session_timeout = milliseconds(9000);
  Duration metadata_max_idle_interval = milliseconds(500);      // zero: no NoOpRecords
  Duration leader_imbalance_check_interval = Duration::zero();  // zero: partitions keep the leaders they have
  QuotaWindows quota_windows{};
};

// Most partitions that one CreateTopics or CreatePartitions makes: their records must fit in one batch.
inline constexpr size_t kPartitionsPerRequestMax = 10000;

// As what the controller treats a broker.
enum class BrokerState : uint8_t { kFenced, kUnfenced, kControlledShutdown, kShutdownNow };

// The answer of decisions that nobody asked for.
struct NoReply {};

class Controller {
 public:
  // `rules` and `random` outlive the controller.
  Controller(ControllerOptions options, const ConfigRules& rules, Random& random);

  // What is committed, and on top of it what was decided and replayed since.
  [[nodiscard]] const quorum::MetadataImage& image() const { return image_; }

  // This node has become the active controller: `committed` holds all of the log. The decision makes a new cluster of
  // an empty log by `bootstrap` (the records of bootstrap.checkpoint), and ends a metadata transaction that a
  // predecessor left open.
  Decision<NoReply> activate(quorum::MetadataImage committed, bool transaction_is_open,
                             const quorum::MetadataRecords& bootstrap, const DecideContext& context);

  // Takes in records that were decided here and are in the log now, the first of them at `context.next_offset`.
  void replay(const quorum::MetadataRecords& records, const DecideContext& context);

  // A connection of a broker broke: a process that was killed may have come back already, and register anew.
  void connection_lost(NodeId id) { sessions_.lose(id); }
  // The process of a broker has ended: it is fenced, and may register anew, before its session ends.
  Decision<NoReply> broker_ended(NodeId id, BrokerEpoch epoch);

  // What is to be done by time alone: fencing brokers whose session ended, giving partitions back to their preferred
  // leaders, and a NoOpRecord after a while without any record.
  Decision<NoReply> tick(const DecideContext& context);
  // When tick() has something to do at the latest; kNever.
  [[nodiscard]] MonotonicTime next_tick() const;

  // Topics and partitions.
  Decision<protocol::CreateTopicsResponse> decide(const protocol::CreateTopicsRequest& request,
                                                  const DecideContext& context);
  Decision<protocol::DeleteTopicsResponse> decide(const protocol::DeleteTopicsRequest& request,
                                                  const DecideContext& context);
  Decision<protocol::CreatePartitionsResponse> decide(const protocol::CreatePartitionsRequest& request,
                                                      const DecideContext& context);
  Decision<protocol::AlterPartitionResponse> decide(const protocol::AlterPartitionRequest& request,
                                                    const DecideContext& context);
  Decision<protocol::ElectLeadersResponse> decide(const protocol::ElectLeadersRequest& request,
                                                  const DecideContext& context);
  Decision<protocol::AssignReplicasToDirsResponse> decide(const protocol::AssignReplicasToDirsRequest& request,
                                                          const DecideContext& context);
  Decision<protocol::AlterPartitionReassignmentsResponse> decide(
      const protocol::AlterPartitionReassignmentsRequest& request, const DecideContext& context);
  Decision<protocol::ListPartitionReassignmentsResponse> decide(
      const protocol::ListPartitionReassignmentsRequest& request, const DecideContext& context);
  // Settings, quotas, credentials and features.
  Decision<protocol::IncrementalAlterConfigsResponse> decide(const protocol::IncrementalAlterConfigsRequest& request,
                                                             const DecideContext& context);
  Decision<protocol::AlterConfigsResponse> decide(const protocol::AlterConfigsRequest& request,
                                                  const DecideContext& context);
  Decision<protocol::AlterClientQuotasResponse> decide(const protocol::AlterClientQuotasRequest& request,
                                                       const DecideContext& context);
  Decision<protocol::AlterUserScramCredentialsResponse> decide(
      const protocol::AlterUserScramCredentialsRequest& request, const DecideContext& context);
  Decision<protocol::UpdateFeaturesResponse> decide(const protocol::UpdateFeaturesRequest& request,
                                                    const DecideContext& context);
  // Nodes.
  Decision<protocol::BrokerRegistrationResponse> decide(const protocol::BrokerRegistrationRequest& request,
                                                        const DecideContext& context);
  Decision<protocol::BrokerHeartbeatResponse> decide(const protocol::BrokerHeartbeatRequest& request,
                                                     const DecideContext& context);
  Decision<protocol::UnregisterBrokerResponse> decide(const protocol::UnregisterBrokerRequest& request,
                                                      const DecideContext& context);
  Decision<protocol::ControllerRegistrationResponse> decide(const protocol::ControllerRegistrationRequest& request,
                                                            const DecideContext& context);
  Decision<protocol::AllocateProducerIdsResponse> decide(const protocol::AllocateProducerIdsRequest& request,
                                                         const DecideContext& context);

 private:
  template <class Response>
  [[nodiscard]] Decision<Response> no_change() const {
    return Decision<Response>(image_.metadata_version());
  }

  // What a request may change within its client's quota.
  [[nodiscard]] MutationPermit mutation_permit(const DecideContext& context, int16_t first_strict_version) {
    return mutation_quotas_.open(context.user, context.client_id, context.api_version >= first_strict_version,
                                 context.now);
  }
  // Whether the records of a new cluster turn ELR on.
  static bool has_elr(const quorum::MetadataRecords& bootstrap);
  // A change of the broker's registration that changes nothing yet.
  static protocol::BrokerRegistrationChangeRecord change_record(const quorum::BrokerImage& broker);
  // Adds what fences an active broker.
  void fence(const quorum::BrokerImage& broker, quorum::MetadataRecords& records) const;
  void change_broker_state(const quorum::BrokerImage& broker, BrokerState next, quorum::MetadataRecords& records) const;
  void take_directories_offline(const quorum::BrokerImage& broker, const std::vector<Uuid>& offline,
                                quorum::MetadataRecords& records) const;
  void cordon_directories(const quorum::BrokerImage& broker, const std::optional<std::vector<Uuid>>& cordoned,
                          quorum::MetadataRecords& records) const;
  // nullptr when the broker is not registered, or not with that epoch: the answer is STALE_BROKER_EPOCH.
  [[nodiscard]] const quorum::BrokerImage* current_broker(int32_t id, int64_t epoch) const;

  ControllerOptions options_;
  const ConfigRules& rules_;
  Random& random_;
  quorum::MetadataImage image_;
  BrokerSessions sessions_;
  MutationQuotas mutation_quotas_;
  MonotonicTime last_append_{};
  MonotonicTime next_balance_ = kNever;
};

}  // namespace weir::broker
