// How a request finds its handler. A handler is a type:
//
//   struct HeartbeatHandler {
//     using Request = protocol::HeartbeatRequest;
//     static constexpr VersionRange kVersions{0, 4};
//     static Task<Outcome> handle(RequestContext&, const Request&, Request::Response&);
//   };
//
// The versions that it serves are part of the type, and what ApiVersions answers is folded from the list of handlers
// (handlers/all_handlers.h), so that what is advertised and what is served cannot drift apart.
#pragma once

#include <span>

#include "base/log.h"
#include "base/task.h"
#include "broker/server/request_context.h"
#include "protocol/frame.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

namespace weir::broker {

enum class Outcome : uint8_t {
  kReply,    // send the response
  kNoReply,  // acks=0: send nothing
  kClose,    // close the connection, as Kafka does
};

// Inclusive. `advertised_min` differs only for Produce.
struct VersionRange {
  int16_t min;
  int16_t max;
  int16_t advertised_min = min;
};

// One entry of the table that requests are looked up in.
struct ApiHandler {
  protocol::ApiKey key;
  VersionRange versions;
  // Whether the next request of the connection may begin before this one is answered.
  bool overlaps;
  // Decodes the body from `in`, handles it, encodes the whole response frame to `out`. All of them outlive the task.
  Task<Outcome> (*serve)(RequestContext&, protocol::Reader& in, protocol::Writer& out);
};

// What one kind of listener serves.
class ApiTable {
 public:
  // `handlers` are ascending by key.
  ApiTable(std::span<const ApiHandler> handlers, bool is_controllers)
      : handlers_(handlers), is_controllers_(is_controllers) {}
  // nullptr when the API is not served.
  [[nodiscard]] const ApiHandler* find(protocol::ApiKey key) const;
  [[nodiscard]] std::span<const ApiHandler> all() const { return handlers_; }
  // Of the listener on which controllers and brokers speak to each other.
  [[nodiscard]] bool is_controllers() const { return is_controllers_; }

 private:
  std::span<const ApiHandler> handlers_;
  bool is_controllers_;
};
const ApiTable& broker_apis();
const ApiTable& controller_apis();

// QuotaService::charge_time of the connection's shard.
Task<void> charge_time(RequestContext& context);

template <class Handler>
Task<Outcome> serve_with(RequestContext& context, protocol::Reader& in, protocol::Writer& out) {
  typename Handler::Request request;
  // Of a version that is not served (only ApiVersions gets here with one) nothing is read, and the answer has the
  // oldest layout.
  const bool known = context.version() >= Handler::kVersions.min && context.version() <= Handler::kVersions.max;
  const int16_t answer_version = known ? context.version() : int16_t{0};
  // Kafka closes the connection of a request that does not parse: there is no telling what the client meant.
  if (known && !request.decode(in, context.version())) co_return Outcome::kClose;
  typename Handler::Request::Response response;
  const Outcome outcome = co_await Handler::handle(context, request, response);
  if (context.is_limited) co_await charge_time(context);
  if (outcome != Outcome::kReply) co_return outcome;
  if constexpr (requires { response.throttle_time_ms; }) {
    // What the controller refused within a quota has its throttle time already.
    context.throttle_for(QuotaKind::kControllerMutation, milliseconds(response.throttle_time_ms));
    response.throttle_time_ms = static_cast<int32_t>(context.throttle.count());
  }
  const size_t frame =
      protocol::begin_response(out, Handler::Request::kApiKey, answer_version, context.header.correlation_id);
  if (const Result<> encoded = response.encode(out, answer_version); !encoded) {
    // A fault of the handler's, met by one client: it must not take the others' node down.
    log_error("connection", "an answer cannot be encoded", kv("why", encoded.error().message));
    co_return Outcome::kClose;
  }
  out.end_frame(frame);
  co_return Outcome::kReply;
}

}  // namespace weir::broker
