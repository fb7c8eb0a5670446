// Acceptor: takes the connections of one listener and deals them out to the shards in turn. Lives on the first loop.
#pragma once

#include <memory>
#include <string>

#include "base/seams.h"
#include "broker/node_context.h"

namespace weir::broker {

class Acceptor {
 public:
  Acceptor(NodeContext& node, std::string listener_name, std::unique_ptr<Listener> listener)
      : node_(node), listener_name_(std::move(listener_name)), listener_(std::move(listener)) {}

  // Accepts until close(). Spawn it; the acceptor must stay until it ends or its loop is cleared.
  Task<void> run();
  void close() { listener_->close(); }
  [[nodiscard]] const std::string& listener_name() const { return listener_name_; }
  [[nodiscard]] const Endpoint& local() const { return listener_->local(); }

 private:
  NodeContext& node_;
  std::string listener_name_;
  std::unique_ptr<Listener> listener_;
  size_t next_shard_ = 0;
};

}  // namespace weir::broker
