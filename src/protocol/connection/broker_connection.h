// BrokerConnection: the way to one broker or controller: connects when first used, learns what versions the other side
// speaks, reconnects with growing pauses, lets go of a connection that idles. May be shared by calls under way. Loop
// thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/seams.h"
#include "protocol/api_key.h"
#include "protocol/connection/backoff.h"
#include "protocol/connection/stream.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

namespace weir::protocol {

struct ConnectionOptions {
  std::string client_id;
  Duration connect_timeout;
  Duration write_stall;  // the other side takes no byte for that long: the connection is given up
  Duration reconnect_backoff;
  Duration reconnect_backoff_max;
  Duration idle_max;
};

// A decoded answer and the bytes that its views point into.
template <class Response>
struct Received {
  Buffer owner;
  int16_t version = 0;
  Response message;
};

// A request whose type is not known any more.
struct Outgoing {
  ApiKey key;
  int16_t version_needed;
  int16_t version_max;
  std::function<Result<>(Writer&, int16_t version)> encode;
};
// `request` outlives what is made of it.
template <class Request>
Outgoing outgoing_of(const Request& request, int16_t version_needed = Request::kMinVersion,
                     int16_t version_max = Request::kMaxStableVersion) {
  return {Request::kApiKey, version_needed, version_max,
          [&request](Writer& out, int16_t version) { return request.encode(out, version); }};
}

// Its answer, not decoded yet.
struct Incoming {
  Buffer owner;
  ByteView body;  // behind the header
  int16_t version;
};

class BrokerConnection {
 public:
  BrokerConnection(Network& network, Random& random, Loop& loop, ConnectionOptions options, NodeId node,
                   Endpoint endpoint);
  ~BrokerConnection();
  BrokerConnection(const BrokerConnection&) = delete;
  BrokerConnection& operator=(const BrokerConnection&) = delete;

  // Sends a request in the highest version up to `version_max` that both sides know and waits for its answer.
  // `version_needed` is the lowest that can carry what the request says. Connection failures are kClosed, kTimedOut,
  // kIo, kNotFound (no such host); the request may then have been carried out. kUnsupported: the broker lacks API or
  // version.
  template <class Request>
  Task<Result<Received<typename Request::Response>>> call(const Request& request, MonotonicTime deadline,
                                                          int16_t version_needed = Request::kMinVersion,
                                                          int16_t version_max = Request::kMaxStableVersion) {
    const Outgoing outgoing = outgoing_of(request, version_needed, version_max);
    CO_TRY_ASSIGN(Incoming incoming, co_await send(outgoing, deadline));
    Received<typename Request::Response> received{.owner = std::move(incoming.owner), .version = incoming.version};
    Reader reader(incoming.body);
    CO_TRY(note_corruption(received.message.decode(reader, received.version)));
    co_return received;
  }
  // The same without its types; `request` lives until the answer is there.
  Task<Result<Incoming>> send(const Outgoing& request, MonotonicTime deadline);

  // For Produce with acks 0: returns when the request is with the kernel.
  template <class Request>
  Task<Result<>> tell(const Request& request, MonotonicTime deadline, int16_t version_max) {
    CO_TRY_ASSIGN(auto stream, co_await connected(deadline));
    CO_TRY_ASSIGN(const int16_t version, choose_version(Request::kApiKey, Request::kMinVersion, version_max));
    Writer frame;
    begin(frame, Request::kApiKey, version);
    CO_TRY(finish(frame, request.encode(frame, version)));
    co_return co_await send_unanswered(stream, frame.release(), deadline);
  }

  [[nodiscard]] NodeId node() const { return node_; }
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] bool is_connected() const { return stream_ != nullptr && !stream_->ended(); }
  [[nodiscard]] size_t calls_in_flight() const { return is_connected() ? stream_->calls_in_flight() : 0; }
  // Whether connecting has failed lately, so that a caller with a choice takes another broker.
  [[nodiscard]] bool is_backing_off() const;
  // The highest version up to `most` that the broker, once connected, serves as well. kUnsupported.
  [[nodiscard]] Result<int16_t> choose_version(ApiKey key, int16_t least, int16_t most) const;
  void close();

 private:
  Task<Result<std::shared_ptr<Stream>>> connected(MonotonicTime deadline);
  Task<Result<std::shared_ptr<Stream>>> connect(MonotonicTime deadline);
  Task<Result<>> learn_versions(std::shared_ptr<Stream> stream, MonotonicTime deadline);
  Task<Result<Answer>> exchange(std::shared_ptr<Stream> stream, ApiKey key, int16_t version, int32_t correlation_id,
                                SharedBytes frame, MonotonicTime deadline);
  Task<Result<>> send_unanswered(std::shared_ptr<Stream> stream, SharedBytes frame, MonotonicTime deadline);
  int32_t begin(Writer& frame, ApiKey key, int16_t version);
  static Result<> finish(Writer& frame, Result<> encoded);
  // An answer that does not parse means that the two sides disagree about the bytes: nothing after it can be trusted.
  Result<> note_corruption(Result<> decoded);

  Network& network_;
  Random& random_;
  Loop& loop_;
  ConnectionOptions options_;
  NodeId node_;
  Endpoint endpoint_;

  struct Versions {
    int16_t min;
    int16_t max;
  };
  std::map<int16_t, Versions> versions_;  // of the broker, by API key
  std::shared_ptr<Stream> stream_;
  AsyncMutex connecting_;
  Backoff backoff_;
  MonotonicTime retry_at_{};
  Error last_failure_{};
  int32_t next_correlation_id_ = 0;
};

}  // namespace weir::protocol
