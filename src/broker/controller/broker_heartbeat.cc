// BrokerHeartbeat: a broker says that it lives, and asks to be let in, or to be let go.
#include <algorithm>
#include <set>

#include "broker/controller/controller.h"
#include "broker/controller/leadership.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;

BrokerState state_of(const quorum::BrokerImage& broker) {
  if (broker.fenced) return BrokerState::kFenced;
  return broker.in_controlled_shutdown ? BrokerState::kControlledShutdown : BrokerState::kUnfenced;
}

bool leads_any(const quorum::MetadataImage& image, NodeId broker) {
  return std::ranges::any_of(image.topics, [&](const auto& entry) {
    return std::ranges::any_of(entry.second->partitions,
                               [&](const auto& partition) { return partition->leader == broker; });
  });
}

std::vector<NodeId> active_brokers(const quorum::MetadataImage& image) {
  std::vector<NodeId> active;
  for (const auto& [id, broker] : image.brokers) {
    if (broker->is_active()) active.push_back(id);
  }
  return active;
}

BrokerState next_state(const protocol::BrokerHeartbeatRequest& request, const quorum::BrokerImage& broker,
                       const quorum::MetadataImage& image, const BrokerSessions& sessions) {
  switch (state_of(broker)) {
    case BrokerState::kFenced:
      if (request.want_shut_down) return BrokerState::kShutdownNow;
      // Until it has seen its own registration it serves from metadata that may be older than its last life.
      return !request.want_fence && request.current_metadata_offset >= broker.epoch.value() ? BrokerState::kUnfenced
                                                                                            : BrokerState::kFenced;
    case BrokerState::kUnfenced:
      if (request.want_fence) return request.want_shut_down ? BrokerState::kShutdownNow : BrokerState::kFenced;
      if (!request.want_shut_down) return BrokerState::kUnfenced;
      return leads_any(image, broker.id) ? BrokerState::kControlledShutdown : BrokerState::kShutdownNow;
    case BrokerState::kControlledShutdown: {
      if (leads_any(image, broker.id)) return BrokerState::kControlledShutdown;
      // The others must have learnt who leads now, or clients would be sent back here.
      const auto offset = sessions.shutdown_offset(broker.id);
      const bool all_know = offset && *offset <= sessions.least_metadata_offset(active_brokers(image));
      return all_know ? BrokerState::kShutdownNow : BrokerState::kControlledShutdown;
    }
    case BrokerState::kShutdownNow:
      break;
  }
  return BrokerState::kShutdownNow;
}

}  // namespace

void Controller::change_broker_state(const quorum::BrokerImage& broker, BrokerState next,
                                     quorum::MetadataRecords& records) const {
  auto change = change_record(broker);
  const auto in_isr = [&](const quorum::PartitionImage& partition) { return partition.is_in_isr(broker.id); };
  switch (next) {
    case BrokerState::kUnfenced:
      change.fenced = -1;
      records.add(change);
      add_leader_updates(
          image_, rules_, {.arriving = broker.id},
          [](const quorum::PartitionImage& partition) { return partition.leader == kNoNode; }, records);
      return;
    case BrokerState::kControlledShutdown:
      // Last: until it stands there, the next heartbeat does what is missing.
      add_leader_updates(image_, rules_, {.leaving = broker.id}, in_isr, records);
      change.in_controlled_shutdown = 1;
      records.add(change);
      return;
    case BrokerState::kFenced:
    case BrokerState::kShutdownNow:
      if (!broker.fenced) fence(broker, records);
      return;
  }
}

void Controller::take_directories_offline(const quorum::BrokerImage& broker, const std::vector<Uuid>& offline,
                                          quorum::MetadataRecords& records) const {
  std::vector<Uuid> left;
  std::set<Uuid> lost;
  for (const Uuid& id : broker.directories) {
    if (std::ranges::find(offline, id) != offline.end()) {
      lost.insert(id);
    } else {
      left.push_back(id);
    }
  }
  if (lost.empty()) return;
  add_leader_updates(
      image_, rules_, {.leaving = broker.id},
      [&](const quorum::PartitionImage& partition) {
        return partition.has_replica(broker.id) && lost.contains(partition.directory_of(broker.id));
      },
      records);
  auto change = change_record(broker);
  change.log_dirs = std::move(left);
  records.add(change);
}

void Controller::cordon_directories(const quorum::BrokerImage& broker, const std::optional<std::vector<Uuid>>& cordoned,
                                    quorum::MetadataRecords& records) const {
  if (!cordoned || !image_.metadata_version().has_cordoned_directories()) return;
  const std::set<Uuid> wanted(cordoned->begin(), cordoned->end());
  const std::set<Uuid> present(broker.cordoned_directories.begin(), broker.cordoned_directories.end());
  if (wanted == present) return;
  auto change = change_record(broker);
  change.cordoned_log_dirs.emplace(wanted.begin(), wanted.end());
  records.add(change);
}

Decision<protocol::BrokerHeartbeatResponse> Controller::decide(const protocol::BrokerHeartbeatRequest& request,
                                                               const DecideContext& context) {
  auto decision = no_change<protocol::BrokerHeartbeatResponse>();
  auto& response = decision.reply.response;
  const quorum::BrokerImage* broker = current_broker(request.broker_id, request.broker_epoch);
  if (broker == nullptr) {
    response.error_code = protocol::error_field(ErrorCode::kStaleBrokerEpoch);
    return decision;
  }
  decision.is_divisible = true;
  take_directories_offline(*broker, request.offline_log_dirs, decision.records);
  cordon_directories(*broker, request.cordoned_log_dirs, decision.records);

  const BrokerState before = state_of(*broker);
  const BrokerState next = next_state(request, *broker, image_, sessions_);
  if (next != before) change_broker_state(*broker, next, decision.records);
  sessions_.touch(broker->id, Offset(request.current_metadata_offset), context.now);
  if (next == BrokerState::kControlledShutdown) {
    const Offset last = context.next_offset + static_cast<int64_t>(decision.records.size()) - 1;
    sessions_.begin_shutdown(broker->id, last);
  }
  response.is_caught_up = request.current_metadata_offset >= broker->epoch.value();
  response.is_fenced = next == BrokerState::kFenced || next == BrokerState::kShutdownNow;
  response.should_shut_down = next == BrokerState::kShutdownNow;
  // It goes: its next process need not wait for the session to end.
  if (response.should_shut_down) sessions_.remove(broker->id);
  return decision;
}

}  // namespace weir::broker
