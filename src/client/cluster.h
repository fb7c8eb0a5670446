// Cluster: the brokers behind a Client: their connections, the metadata and its refreshing, and the retries that every
// call needs. Shared by what was made from the Client. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/errors.h"
#include "client/metadata_cache.h"
#include "protocol/connection/broker_connection.h"
#include "weir/client.h"

namespace weir::client {

using protocol::Backoff;
using protocol::BrokerConnection;
template <class Response>
using Reply = protocol::Received<Response>;

protocol::ConnectionOptions connection_options(const ClientOptions& options);

// Brokers answer the requests of a connection one by one: what may wait long at the broker gets a connection of its
// own.
enum class Lane : uint8_t {
  kGeneral,
  kFetch,  // waits for records
  kGroup,  // joins, and waits for the other members to do so; heartbeats and commits must not wait with it
};

class Cluster {
 public:
  using ConnectionPtr = std::shared_ptr<BrokerConnection>;

  Cluster(const Seams& seams, Loop& loop, ClientOptions options);

  [[nodiscard]] const ClientOptions& options() const { return options_; }
  [[nodiscard]] Loop& loop() const { return loop_; }
  [[nodiscard]] Random& random() const { return seams_.random; }
  [[nodiscard]] Timestamp wall() const { return seams_.clock.wall(); }
  [[nodiscard]] MonotonicTime now() const { return loop_.now(); }
  [[nodiscard]] MonotonicTime api_deadline() const { return now() + options_.api_timeout; }
  [[nodiscard]] MetadataCache& metadata() { return metadata_; }
  [[nodiscard]] Backoff retry_backoff() const { return {options_.retry_backoff, options_.retry_backoff_max}; }

  // Some broker: a connected one with little to do, if there is one.
  ConnectionPtr any_broker();
  // Null when the metadata does not know the node.
  ConnectionPtr broker(NodeId node, Lane lane = Lane::kGeneral);

  // Asks some broker for the topics that are in use and for `also`; callers at the same time share one request. One
  // broker after the other is tried until the deadline. kTimedOut, kClosed, ...: the last failure.
  Task<Result<>> refresh(MonotonicTime deadline, std::vector<std::string> also = {});
  // The topic, from the cache when it is there and fresh. Waits for one that is just being made. kNotFound,
  // kInvalidArgument.
  Task<Result<TopicInfo>> topic(std::string name, MonotonicTime deadline);
  // Keeps the topic among those that refresh() asks for.
  void use_topic(const std::string& name) { topics_in_use_.insert(name); }

  // Pauses before another try: false when the deadline comes first.
  Task<bool> pause(Backoff& backoff, MonotonicTime deadline);

  // Sends to any broker, on transport failures to another one, until the deadline.
  template <class Request>
  Task<Result<Reply<typename Request::Response>>> call_any(const Request& request, MonotonicTime deadline,
                                                           int16_t version_needed = Request::kMinVersion) {
    Backoff backoff = retry_backoff();
    for (;;) {
      ConnectionPtr connection = any_broker();
      auto reply = co_await connection->call(request, attempt_deadline(deadline), version_needed);
      if (reply || !is_transport_failure(reply.error()) || !co_await pause(backoff, deadline)) co_return reply;
    }
  }

  // One try takes at most the request timeout.
  [[nodiscard]] MonotonicTime attempt_deadline(MonotonicTime deadline) const {
    return std::min(deadline, now() + options_.request_timeout);
  }

 private:
  Task<Result<>> refresh_once(std::vector<std::string> topics, MonotonicTime deadline);
  ConnectionPtr connection(NodeId node, const Endpoint& endpoint, Lane lane);

  Seams seams_;
  Loop& loop_;
  ClientOptions options_;
  MetadataCache metadata_;
  std::set<std::string> topics_in_use_;
  std::vector<ConnectionPtr> bootstrap_;
  std::map<std::pair<NodeId, Lane>, ConnectionPtr> connections_;
  AsyncMutex refreshing_;
  uint64_t refreshes_ = 0;
};

}  // namespace weir::client
