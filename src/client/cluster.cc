#include "client/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "protocol/messages/metadata_request.h"
#include "protocol/messages/metadata_response.h"

namespace weir::client {

Result<std::vector<Endpoint>> parse_bootstrap(std::string_view text) {
  constexpr uint16_t kDefaultPort = 9092;
  std::vector<Endpoint> endpoints;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (part.empty()) continue;
    Endpoint endpoint{.port = kDefaultPort};
    size_t host_end = part.rfind(':');
    if (part.starts_with('[')) {
      const size_t bracket = part.find(']');
      if (bracket == std::string_view::npos) return fail(Errc::kInvalidArgument, fmt::format("'{}' lacks a ]", part));
      endpoint.host = part.substr(1, bracket - 1);
      host_end = bracket + 1 < part.size() ? bracket + 1 : std::string_view::npos;
    } else {
      endpoint.host = part.substr(0, host_end);
    }
    if (host_end != std::string_view::npos) {
      const std::string_view port = part.substr(host_end + 1);
      const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
      if (part[host_end] != ':' || error != std::errc() || end != port.data() + port.size() || endpoint.port == 0) {
        return fail(Errc::kInvalidArgument, fmt::format("'{}' has no port between 1 and 65535", part));
      }
    }
    if (endpoint.host.empty()) return fail(Errc::kInvalidArgument, fmt::format("'{}' names no host", part));
    endpoints.push_back(std::move(endpoint));
  }
  if (endpoints.empty()) return fail(Errc::kInvalidArgument, "no broker is named: give HOST:PORT,...");
  return endpoints;
}

Client::Client(const Seams& seams, Loop& loop, ClientOptions options)
    : cluster_(std::make_shared<Cluster>(seams, loop, std::move(options))) {}

protocol::ConnectionOptions connection_options(const ClientOptions& options) {
  return {.client_id = options.client_id,
          .connect_timeout = options.connect_timeout,
          .write_stall = options.request_timeout,
          .reconnect_backoff = options.reconnect_backoff,
          .reconnect_backoff_max = options.reconnect_backoff_max,
          .idle_max = options.connection_idle_max};
}

Cluster::Cluster(const Seams& seams, Loop& loop, ClientOptions options)
    : seams_(seams), loop_(loop), options_(std::move(options)) {
  CHECK(!options_.bootstrap.empty(), "a client needs a broker to begin with");
  for (const Endpoint& endpoint : options_.bootstrap) {
    bootstrap_.push_back(std::make_shared<BrokerConnection>(seams_.network, seams_.random, loop_,
                                                            connection_options(options_), kNoNode, endpoint));
  }
}

Cluster::ConnectionPtr Cluster::any_broker() {
  std::vector<ConnectionPtr> candidates;
  for (const auto& [id, info] : metadata_.brokers())
    candidates.push_back(connection(id, info.endpoint, Lane::kGeneral));
  const bool all_fail = std::ranges::all_of(candidates, [](const auto& c) { return c->is_backing_off(); });
  // None that is known can be reached: they may have moved, so the beginning is tried again.
  if (all_fail) candidates.insert(candidates.end(), bootstrap_.begin(), bootstrap_.end());
  const size_t start = seams_.random.below(candidates.size());
  const auto cost = [](const ConnectionPtr& c) {
    return c->is_backing_off() ? 1'000'000 : c->is_connected() ? c->calls_in_flight() : 1'000;
  };
  ConnectionPtr best = candidates[start];
  for (const ConnectionPtr& candidate : candidates) {
    if (cost(candidate) < cost(best)) best = candidate;
  }
  return best;
}

Cluster::ConnectionPtr Cluster::broker(NodeId node, Lane lane) {
  const auto info = metadata_.brokers().find(node);
  return info == metadata_.brokers().end() ? nullptr : connection(node, info->second.endpoint, lane);
}

Cluster::ConnectionPtr Cluster::connection(NodeId node, const Endpoint& endpoint, Lane lane) {
  ConnectionPtr& known = connections_[{node, lane}];
  if (!known || known->endpoint() != endpoint) {
    known = std::make_shared<BrokerConnection>(seams_.network, seams_.random, loop_, connection_options(options_), node,
                                               endpoint);
  }
  return known;
}

Task<bool> Cluster::pause(Backoff& backoff, MonotonicTime deadline) {
  const Duration wait = backoff.next(seams_.random);
  if (now() + wait >= deadline) co_return false;
  co_await sleep_for(wait);
  co_return true;
}

Task<Result<>> Cluster::refresh(MonotonicTime deadline, std::vector<std::string> also) {
  for (const std::string& name : also) use_topic(name);
  const uint64_t before = refreshes_;
  auto lock = co_await refreshing_.lock();
  // Two on: the one under way when this was called may have been asked too early, the one after it was not.
  if (refreshes_ >= before + 2) co_return Result<>();
  Backoff backoff = retry_backoff();
  for (;;) {
    auto done = co_await refresh_once({topics_in_use_.begin(), topics_in_use_.end()}, deadline);
    ++refreshes_;
    if (done || !is_transport_failure(done.error()) || !co_await pause(backoff, deadline)) co_return done;
  }
}

Task<Result<>> Cluster::refresh_once(std::vector<std::string> topics, MonotonicTime deadline) {
  protocol::MetadataRequest request;
  request.topics.emplace();
  for (const std::string& topic : topics) request.topics->push_back({.name = topic});
  request.allow_auto_topic_creation = options_.allow_auto_create_topics;
  ConnectionPtr connection = any_broker();
  // An empty list means no topic from version 1 on, and auto-creation can be chosen from 4 on.
  CO_TRY_ASSIGN(auto reply, co_await connection->call(request, attempt_deadline(deadline), 4));
  metadata_.apply(reply.message, now());
  co_return Result<>();
}

Task<Result<TopicInfo>> Cluster::topic(std::string name, MonotonicTime deadline) {
  use_topic(name);
  Backoff backoff = retry_backoff();
  for (;;) {
    const TopicInfo* known = metadata_.topic(name);
    const bool fresh = now() - metadata_.updated() <= options_.metadata_age_max;
    if (known != nullptr && fresh && known->error == protocol::ErrorCode::kNone && !known->partitions.empty()) {
      co_return *known;
    }
    CO_TRY(co_await refresh(deadline));
    known = metadata_.topic(name);
    const auto error = known == nullptr ? protocol::ErrorCode::kUnknownTopicOrPartition : known->error;
    if (error == protocol::ErrorCode::kNone && !known->partitions.empty()) continue;
    const bool may_come = error == protocol::ErrorCode::kNone || error == protocol::ErrorCode::kLeaderNotAvailable ||
                          (error == protocol::ErrorCode::kUnknownTopicOrPartition && options_.allow_auto_create_topics);
    if (!may_come || !co_await pause(backoff, deadline)) {
      topics_in_use_.erase(name);
      co_return std::unexpected(to_error(error, "topic " + name));
    }
  }
}

}  // namespace weir::client
