#include "broker/broker_lifecycle.h"

#include "base/log.h"
#include "protocol/error_code.h"
#include "quorum/metadata_version.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

// While the controller does not know yet that this broker has caught up.
constexpr Duration kUnfenceRetry = milliseconds(20);

}  // namespace

Task<Result<>> BrokerLifecycle::start(std::vector<AdvertisedListener> listeners, std::vector<Uuid> directories,
                                      BrokerEpoch previous_epoch) {
  listeners_ = std::move(listeners);
  directories_ = std::move(directories);
  previous_epoch_ = previous_epoch;
  incarnation_ = Uuid::random(node_.seams.random);
  CO_TRY(co_await register_broker());
  for (;;) {
    CO_TRY_ASSIGN(const auto answer, co_await heartbeat(false));
    co_await applier_.caught_up();
    if (!answer.is_fenced) break;
    co_await sleep_for(kUnfenceRetry);
  }
  Loop::current().spawn(keep_alive());
  co_return Result<>();
}

Task<Result<>> BrokerLifecycle::register_broker() {
  protocol::BrokerRegistrationRequest request;
  request.broker_id = node_.node_id.value();
  request.cluster_id = node_.cluster_id;
  request.incarnation_id = incarnation_;
  for (const AdvertisedListener& listener : listeners_) {
    request.listeners.push_back(
        {listener.name, listener.endpoint.host, listener.endpoint.port, listener.security_protocol});
  }
  const auto metadata_levels = *quorum::supported_levels(quorum::kMetadataVersionFeature);
  request.features.push_back({quorum::kMetadataVersionFeature, metadata_levels.min, metadata_levels.max});
  for (const quorum::Feature& feature : quorum::features()) {
    request.features.push_back({feature.name, feature.supported.min, feature.supported.max});
  }
  request.rack = std::nullopt;
  if (node_.rack) request.rack = *node_.rack;
  request.log_dirs = directories_;
  request.previous_broker_epoch = previous_epoch_.value();
  CO_TRY_ASSIGN(const auto reply,
                co_await controller_.submit(request, protocol::BrokerRegistrationRequest::kMaxVersion));
  if (reply.response.error_code != 0) {
    const auto error = protocol::error_code(reply.response.error_code);
    co_return fail(Errc::kUnavailable, fmt::format("the controller refuses broker {}: {}", node_.node_id.value(),
                                                   protocol::error_name(error)));
  }
  epoch_ = BrokerEpoch(reply.response.broker_epoch);
  co_await applier_.caught_up();
  co_return Result<>();
}

Task<Result<protocol::BrokerHeartbeatResponse>> BrokerLifecycle::heartbeat(bool want_shut_down) {
  protocol::BrokerHeartbeatRequest request;
  request.broker_id = node_.node_id.value();
  request.broker_epoch = epoch_.value();
  request.current_metadata_offset = applier_.applied_offset().value();
  request.want_shut_down = want_shut_down;
  CO_TRY_ASSIGN(const auto reply, co_await controller_.submit(request, protocol::BrokerHeartbeatRequest::kMaxVersion));
  co_return reply.response;
}

Task<void> BrokerLifecycle::keep_alive() {
  while (!stopping_) {
    co_await sleep_for(node_.heartbeat_interval);
    if (stopping_) co_return;
    const auto answer = co_await heartbeat(false);
    if (!answer) {
      log_warn("broker", "a heartbeat was not answered", kv("why", answer.error().message));
    } else if (answer->error_code == error_field(ErrorCode::kStaleBrokerEpoch)) {
      log_warn("broker", "the controller has forgotten this broker: registering again");
      if (const auto registered = co_await register_broker(); !registered) {
        log_error("broker", "registration failed", kv("why", registered.error().message));
      }
    }
  }
}

Task<void> BrokerLifecycle::shut_down(MonotonicTime deadline) {
  stopping_ = true;
  while (Loop::current().now() < deadline) {
    const auto answer = co_await heartbeat(true);
    if (!answer || answer->error_code != 0 || answer->should_shut_down) co_return;
    co_await applier_.caught_up();
    co_await sleep_for(kUnfenceRetry);
  }
}

}  // namespace weir::broker
