// Which partitions get another leader or ISR when the state of a broker changes. Pure functions over the image;
// controller's loop.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "broker/controller/config_rules.h"
#include "broker/controller/partition_change.h"
#include "quorum/metadata_image.h"
#include "quorum/metadata_record.h"

namespace weir::broker {

// What the image says of a broker, and what is about to change.
struct BrokerTransition {
  NodeId leaving = kNoNode;   // becomes fenced or goes: out of every ISR, leads nothing
  NodeId arriving = kNoNode;  // becomes active
  NodeId unclean = kNoNode;   // came back without a clean shutdown: out of ISR and ELR
};

using PartitionFilter = std::function<bool(const quorum::PartitionImage&)>;

// The value of a topic's setting that is in force; nothing for null.
std::optional<std::string> effective_topic_config(const quorum::MetadataImage& image, const ConfigRules& rules,
                                                  std::string_view topic, std::string_view name);

// A change of the partition that asks for nothing yet, with all that the image says about it filled in. The image
// outlives it.
PartitionChangeInput change_of(const quorum::MetadataImage& image, const ConfigRules& rules,
                               const quorum::TopicImage& topic, PartitionIndex index,
                               const BrokerTransition& transition = {});

// Adds a record for each partition chosen by `filter` that `transition` changes.
void add_leader_updates(const quorum::MetadataImage& image, const ConfigRules& rules,
                        const BrokerTransition& transition, const PartitionFilter& filter,
                        quorum::MetadataRecords& records);

// Adds a record for each partition that its preferred replica does not lead and could, for `most` of them. Whether that
// was not all.
bool add_preferred_leaders(const quorum::MetadataImage& image, const ConfigRules& rules, size_t most,
                           quorum::MetadataRecords& records);

// Whether a replica in `directory` can serve, as far as its broker has said. One that registered before the cluster
// knew of directories has said nothing: its replicas are where it says they are.
bool is_online(const quorum::BrokerImage& broker, const Uuid& directory);

// Where a new replica of `broker` goes, as far as the controller can say.
Uuid default_directory(const quorum::MetadataImage& image, NodeId broker);

}  // namespace weir::broker
