#include "broker/controller/broker_sessions.h"

#include <algorithm>

namespace weir::broker {

void BrokerSessions::touch(NodeId broker, Offset metadata_offset, MonotonicTime now) {
  Session& session = sessions_[broker];
  session.last_contact = now;
  session.heard = true;
  session.metadata_offset = std::max(session.metadata_offset, metadata_offset);
}

void BrokerSessions::expect(NodeId broker, MonotonicTime now) {
  sessions_.try_emplace(broker, Session{.last_contact = now});
}

void BrokerSessions::lose(NodeId broker) {
  const auto found = sessions_.find(broker);
  if (found != sessions_.end()) found->second.heard = false;
}

void BrokerSessions::remove(NodeId broker) { sessions_.erase(broker); }

bool BrokerSessions::is_alive(NodeId broker, MonotonicTime now) const {
  const auto found = sessions_.find(broker);
  // A broker that a new controller only knows of from the log may have died with the old one: it may come back at once.
  return found != sessions_.end() && found->second.heard && now < found->second.last_contact + timeout_;
}

std::vector<NodeId> BrokerSessions::expired(MonotonicTime now) const {
  std::vector<NodeId> brokers;
  for (const auto& [id, session] : sessions_) {
    if (now >= session.last_contact + timeout_) brokers.push_back(id);
  }
  return brokers;
}

MonotonicTime BrokerSessions::next_expiry() const {
  MonotonicTime next = kNever;
  for (const auto& [id, session] : sessions_) next = std::min(next, session.last_contact + timeout_);
  return next;
}

void BrokerSessions::begin_shutdown(NodeId broker, Offset offset) {
  std::optional<Offset>& at = sessions_[broker].shutdown_offset;
  if (!at) at = offset;
}

std::optional<Offset> BrokerSessions::shutdown_offset(NodeId broker) const {
  const auto found = sessions_.find(broker);
  return found == sessions_.end() ? std::nullopt : found->second.shutdown_offset;
}

Offset BrokerSessions::least_metadata_offset(const std::vector<NodeId>& brokers) const {
  Offset least(INT64_MAX);
  for (NodeId broker : brokers) {
    const auto found = sessions_.find(broker);
    least = std::min(least, found == sessions_.end() ? kNoOffset : found->second.metadata_offset);
  }
  return least;
}

}  // namespace weir::broker
