// Acceptor: takes the connections of one listener and deals them out to the shards in turn, within max.connections and
// max.connections.per.ip, which hold for each listener. Lives on the first loop.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/seams.h"
#include "broker/config/connection_limits.h"
#include "broker/node_context.h"
#include "broker/server/api_handler.h"

namespace weir::broker {

class Acceptor {
 public:
  Acceptor(NodeContext& node, const ApiTable& apis, std::string listener_name, std::unique_ptr<Listener> listener);

  // Accepts until close(). Spawn it; the acceptor must stay until it ends or its loop is cleared.
  Task<void> run();
  void close() { listener_->close(); }
  [[nodiscard]] bool is_controllers() const { return apis_.is_controllers(); }
  [[nodiscard]] const std::string& listener_name() const { return listener_name_; }
  [[nodiscard]] const Endpoint& local() const { return listener_->local(); }

 private:
  NodeContext& node_;
  const ApiTable& apis_;
  std::string listener_name_;
  std::unique_ptr<Listener> listener_;
  // Runs a connection on its shard and tells this acceptor of its end.
  Task<void> serve(BrokerShard& shard, std::unique_ptr<Accepted> accepted);
  void released(const std::string& host);
  // Holds a connection from an address that makes too many of them, and closes it.
  Task<void> hold(std::unique_ptr<Accepted> accepted, Duration time);
  // As the settings are now.
  const ConnectionLimits& limits();

  Loop* home_ = nullptr;
  size_t next_shard_ = 0;
  std::optional<ConnectionLimits> limits_;
  std::shared_ptr<const quorum::MetadataImage> limits_image_;  // that they were taken from
  size_t open_ = 0;
  size_t held_ = 0;
  std::unordered_map<std::string, size_t> open_per_host_;
  WaitList released_;
};

}  // namespace weir::broker
