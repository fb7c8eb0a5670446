// What becomes of a partition when its ISR, its replicas or the state of its brokers change: who leads, who is in the
// ISR, who stays eligible to lead. Pure functions; any thread. The rules are those of KIP-966 where ELR is on.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "protocol/messages/partition_change_record.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

// Being copied to or taken off a broker by a reassignment.
[[nodiscard]] bool is_reassigned(const quorum::PartitionImage& partition);
// Those that it has when the reassignment under way, if there is one, is done.
[[nodiscard]] std::vector<NodeId> replicas_in_the_end(const quorum::PartitionImage& partition);

enum class Election : uint8_t {
  kPreferred,  // the first replica, if it may lead
  kOnline,     // the present leader, if it may lead
  kUnclean,    // as kOnline, but rather a leader that lacks records than none
};

struct PartitionChangeInput {
  // What is asked for; as it was unless set.
  PartitionChangeInput(const Uuid& topic_id_, PartitionIndex index_, const quorum::PartitionImage& partition_)
      : topic_id(topic_id_),
        index(index_),
        partition(partition_),
        target_isr(partition_.isr),
        target_replicas(partition_.replicas),
        target_removing(partition_.removing_replicas),
        target_adding(partition_.adding_replicas),
        target_recovery_state(partition_.leader_recovery_state) {}

  Uuid topic_id;
  PartitionIndex index;
  const quorum::PartitionImage& partition;
  quorum::MetadataVersion version = quorum::kLatestMetadataVersion;
  bool elr_enabled = false;
  int32_t min_insync_replicas = 1;
  // Whether a broker could lead this partition: it is active, and the directory of its replica is online.
  std::function<bool(NodeId)> can_lead;
  Election election = Election::kOnline;
  std::vector<NodeId> target_isr;
  std::vector<NodeId> target_replicas;
  std::vector<NodeId> target_removing;
  std::vector<NodeId> target_adding;
  quorum::LeaderRecoveryState target_recovery_state;
  // Brokers that came back without having shut down cleanly: they may lack what was acknowledged.
  std::vector<NodeId> unclean_shutdown;
  // New places of replicas.
  std::map<NodeId, Uuid> directories;
  // Where a replica that is new goes.
  std::function<Uuid(NodeId)> default_directory;
};

// The record that makes the change; nothing when there is nothing to change.
std::optional<protocol::PartitionChangeRecord> decide_partition_change(const PartitionChangeInput& input);

}  // namespace weir::broker
