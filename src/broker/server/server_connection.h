// ServerConnection: one client's connection. Requests are answered in the order they came. One is handled at a time, as
// in Kafka, except that produce requests may overlap, so that the appends of several share one flush. Lives as long as
// its tasks; loop thread only.
#pragma once

#include <deque>
#include <memory>

#include "base/seams.h"
#include "broker/server/api_handler.h"
#include "broker/server/frame_reader.h"
#include "broker/server/request_context.h"

namespace weir::broker {

class ServerConnection {
 public:
  // Requests of one connection that may be under way at once. Clients send at most 5 before they wait
  // (max.in.flight.requests).
  static constexpr size_t kPendingMax = 16;

  ServerConnection(BrokerShard& shard, std::unique_ptr<Connection> connection, ConnectionInfo info);
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;
  ~ServerConnection();

  // Serves until the client leaves, sends what cannot be understood, or the connection is closed.
  static Task<void> run(std::shared_ptr<ServerConnection> self);
  // Stops reading and drops the connection. Idempotent.
  void close();
  [[nodiscard]] const ConnectionInfo& info() const { return info_; }

 private:
  struct Pending {
    RequestContext context;
    const ApiHandler* handler;
    size_t body;  // where the body begins in the frame
    MonotonicTime received;
    protocol::Writer out{};
    Outcome outcome = Outcome::kClose;
    bool done = false;
  };

  Task<void> read_requests(std::shared_ptr<ServerConnection> self);
  // The request of a frame, or kCorrupt or kUnsupported for what Kafka answers by closing the connection.
  Result<std::unique_ptr<Pending>> parse(Frame frame);
  static Task<void> serve(std::shared_ptr<ServerConnection> self, Pending& pending);
  Task<void> send_answers();
  // Sends the answers to all requests at the front that are done. An error, the handler's wish to close among them,
  // closes the connection.
  Task<Result<>> send_done();
  // Waits while the client is throttled.
  Task<void> unmuted();

  BrokerShard& shard_;
  std::unique_ptr<Connection> connection_;
  ConnectionInfo info_;
  FrameReader frames_;
  std::deque<std::unique_ptr<Pending>> pending_;
  WaitList answered_;
  bool sending_ = false;
  bool closed_ = false;
  MonotonicTime muted_until_{};
  WaitList unmuted_;
};

}  // namespace weir::broker
