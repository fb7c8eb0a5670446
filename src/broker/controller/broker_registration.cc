// BrokerRegistration, UnregisterBroker and ControllerRegistration: nodes that come and go.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "broker/controller/controller.h"
#include "broker/controller/leadership.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;

// The features of the request are a superset of those that the cluster has turned on, at their levels.
bool supports_finalized_features(const protocol::BrokerRegistrationRequest& request,
                                 const quorum::MetadataImage& image) {
  for (const auto& [name, level] : image.features) {
    const auto found = std::ranges::find(request.features, std::string_view(name),
                                         &protocol::BrokerRegistrationRequest::Feature::name);
    if (found == request.features.end()) return false;
    if (level < found->min_supported_version || level > found->max_supported_version) return false;
  }
  return true;
}

bool names_metadata_version(const protocol::BrokerRegistrationRequest& request) {
  return std::ranges::any_of(request.features,
                             [](const auto& feature) { return feature.name == quorum::kMetadataVersionFeature; });
}

// Whether the directories can be those of one broker of this cluster.
bool directories_are_valid(const protocol::BrokerRegistrationRequest& request, const quorum::MetadataImage& image) {
  const std::set<Uuid> ids(request.log_dirs.begin(), request.log_dirs.end());
  if (ids.empty() || ids.size() != request.log_dirs.size()) return false;
  if (std::ranges::any_of(ids, quorum::is_reserved_directory)) return false;
  return std::ranges::none_of(image.brokers, [&](const auto& entry) {
    return entry.first.value() != request.broker_id &&
           std::ranges::any_of(entry.second->directories, [&](const Uuid& id) { return ids.contains(id); });
  });
}

protocol::RegisterBrokerRecord to_record(const protocol::BrokerRegistrationRequest& request, bool with_directories) {
  protocol::RegisterBrokerRecord record;
  record.broker_id = request.broker_id;
  record.incarnation_id = request.incarnation_id;
  record.rack = request.rack;
  for (const auto& listener : request.listeners) {
    record.end_points.push_back({listener.name, listener.host, listener.port, listener.security_protocol});
  }
  for (const auto& feature : request.features) {
    record.features.push_back({feature.name, feature.min_supported_version, feature.max_supported_version});
  }
  if (with_directories) record.log_dirs = request.log_dirs;
  return record;
}

}  // namespace

Decision<protocol::BrokerRegistrationResponse> Controller::decide(const protocol::BrokerRegistrationRequest& request,
                                                                  const DecideContext& context) {
  auto decision = no_change<protocol::BrokerRegistrationResponse>();
  const auto refuse = [&](ErrorCode code) {
    decision.reply.response.error_code = protocol::error_field(code);
    return std::move(decision);
  };
  if (request.cluster_id != options_.cluster_id) return refuse(ErrorCode::kInconsistentClusterId);
  const NodeId id(request.broker_id);
  const quorum::BrokerImage* before = image_.broker(id);
  const bool is_same_incarnation = before != nullptr && before->incarnation_id == request.incarnation_id;
  // Who was let go in good order may come back at once.
  const bool may_be_alive = before != nullptr && !before->in_controlled_shutdown && sessions_.is_alive(id, context.now);
  if (may_be_alive && !is_same_incarnation) {
    return refuse(ErrorCode::kDuplicateBrokerRegistration);
  }
  // There is no migration from ZooKeeper any more.
  if (request.is_migrating_zk_broker) return refuse(ErrorCode::kBrokerIdNotRegistered);
  const bool with_directories = image_.metadata_version().has_directories();
  if (with_directories && !directories_are_valid(request, image_)) return refuse(ErrorCode::kInvalidRegistration);
  if (!names_metadata_version(request)) return refuse(ErrorCode::kInvalidRegistration);
  if (!supports_finalized_features(request, image_)) return refuse(ErrorCode::kUnsupportedVersion);

  auto record = to_record(request, with_directories);
  if (is_same_incarnation) {
    record.fenced = before->fenced;
    record.in_controlled_shutdown = before->in_controlled_shutdown;
    record.broker_epoch = before->epoch.value();
  } else {
    // What the former incarnation led and held is given up first, for this one begins fenced.
    const bool was_clean = before != nullptr && before->epoch.value() == request.previous_broker_epoch;
    const bool lost_records = image_.is_elr_enabled() && !was_clean;
    const BrokerTransition transition{
        .leaving = lost_records ? kNoNode : id, .arriving = kNoNode, .unclean = lost_records ? id : kNoNode};
    decision.is_divisible = true;
    add_leader_updates(
        image_, rules_, transition,
        [&](const quorum::PartitionImage& partition) {
          const bool in_elr = std::ranges::find(partition.elr, id) != partition.elr.end();
          return partition.is_in_isr(id) || (lost_records && in_elr);
        },
        decision.records);
    record.broker_epoch = context.next_offset.value();
  }
  decision.records.add(record);
  decision.reply.response.broker_epoch = record.broker_epoch;
  return decision;
}

Decision<protocol::UnregisterBrokerResponse> Controller::decide(const protocol::UnregisterBrokerRequest& request,
                                                                const DecideContext&) {
  auto decision = no_change<protocol::UnregisterBrokerResponse>();
  auto& response = decision.reply.response;
  response.error_message.reset();
  const NodeId id(request.broker_id);
  const quorum::BrokerImage* broker = image_.broker(id);
  if (broker == nullptr) {
    response.error_code = protocol::error_field(ErrorCode::kBrokerIdNotRegistered);
    response.error_message =
        decision.reply.keep(fmt::format("Broker ID {} is not currently registered", request.broker_id));
    return decision;
  }
  decision.is_divisible = true;
  add_leader_updates(
      image_, rules_, {.leaving = id}, [&](const quorum::PartitionImage& partition) { return partition.is_in_isr(id); },
      decision.records);
  decision.records.add(
      protocol::UnregisterBrokerRecord{.broker_id = request.broker_id, .broker_epoch = broker->epoch.value()});
  return decision;
}

Decision<protocol::ControllerRegistrationResponse> Controller::decide(
    const protocol::ControllerRegistrationRequest& request, const DecideContext&) {
  auto decision = no_change<protocol::ControllerRegistrationResponse>();
  auto& response = decision.reply.response;
  const auto refuse = [&](ErrorCode code, std::string_view why) {
    response.error_code = protocol::error_field(code);
    response.error_message = decision.reply.keep(why);
    return std::move(decision);
  };
  if (!image_.metadata_version().has_controller_registration()) {
    return refuse(ErrorCode::kUnsupportedVersion,
                  "The metadata.version of the cluster is too low to register controllers.");
  }
  if (request.listeners.empty()) {
    return refuse(ErrorCode::kInvalidRegistration, "A controller registers with at least one listener.");
  }
  protocol::RegisterControllerRecord record;
  record.controller_id = request.controller_id;
  record.incarnation_id = request.incarnation_id;
  record.zk_migration_ready = request.zk_migration_ready;
  for (const auto& listener : request.listeners) {
    record.end_points.push_back({listener.name, listener.host, listener.port, listener.security_protocol});
  }
  for (const auto& feature : request.features) {
    record.features.push_back({feature.name, feature.min_supported_version, feature.max_supported_version});
  }
  decision.records.add(record);
  return decision;
}

}  // namespace weir::broker
