#include "broker/broker_lifecycle.h"

#include <algorithm>

#include "base/log.h"
#include "broker/log_dirs.h"
#include "broker/shard.h"
#include "protocol/error_code.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

// While the controller does not know yet that this broker has caught up.
constexpr Duration kUnfenceRetry = milliseconds(20);
constexpr Duration kRegistrationRetry = milliseconds(200);
// Of a controller that cannot decide, when a broker wants to go: perhaps the whole cluster stops.
constexpr Duration kShutdownAnswerPatience = seconds(3);

// Of a process that was killed the session lasts for a while, and a controller's full disk may get room again.
bool may_pass(ErrorCode error) {
  return error == ErrorCode::kDuplicateBrokerRegistration || error == ErrorCode::kKafkaStorageError ||
         error == ErrorCode::kRequestTimedOut;
}

}  // namespace

Task<Result<>> BrokerLifecycle::start(std::vector<AdvertisedListener> listeners) {
  listeners_ = std::move(listeners);
  incarnation_ = Uuid::random(node_.seams.random);
  const MonotonicTime deadline = Loop::current().now() + milliseconds(node_.config.initial_registration_timeout_ms());
  CO_TRY(co_await register_broker(deadline));
  for (;;) {
    CO_TRY_ASSIGN(const auto answer, co_await heartbeat(false, session_end()));
    co_await applier_.caught_up();
    if (!answer.is_fenced) break;
    co_await sleep_for(kUnfenceRetry);
  }
  Loop::current().spawn(keep_alive());
  Loop::current().spawn(report_shutdowns());
  co_return Result<>();
}

Task<Result<>> BrokerLifecycle::register_broker(MonotonicTime deadline) {
  protocol::BrokerRegistrationRequest request;
  request.broker_id = node_.node_id.value();
  request.cluster_id = node_.cluster_id;
  request.incarnation_id = incarnation_;
  describe_node(listeners_, request);
  request.rack = std::nullopt;
  if (node_.rack) request.rack = *node_.rack;
  directories_ = node_.log_dirs->directory_ids();
  std::ranges::sort(directories_);
  request.log_dirs = directories_;
  request.previous_broker_epoch = node_.log_dirs->previous_epoch().value();
  for (;;) {
    CO_TRY_ASSIGN(const auto reply, co_await controller_.tell(request, deadline));
    const auto error = protocol::error_code(reply.response.error_code);
    if (error == ErrorCode::kNone) {
      epoch_ = BrokerEpoch(reply.response.broker_epoch);
      co_await applier_.caught_up();
      co_return Result<>();
    }
    if (!may_pass(error) || Loop::current().now() >= deadline) {
      co_return fail(Errc::kUnavailable, fmt::format("the controller refuses broker {}: {}", node_.node_id.value(),
                                                     protocol::error_name(error)));
    }
    co_await sleep_for(kRegistrationRetry);
  }
}

MonotonicTime BrokerLifecycle::session_end() const {
  return Loop::current().now() + milliseconds(node_.config.broker_session_timeout_ms());
}

Task<Result<protocol::BrokerHeartbeatResponse>> BrokerLifecycle::heartbeat(bool want_shut_down,
                                                                           MonotonicTime deadline) {
  protocol::BrokerHeartbeatRequest request;
  request.broker_id = node_.node_id.value();
  request.broker_epoch = epoch_.value();
  request.current_metadata_offset = applier_.applied_offset().value();
  request.want_shut_down = want_shut_down;
  const std::vector<Uuid> online = node_.log_dirs->directory_ids();
  for (const Uuid& id : directories_) {
    if (std::ranges::find(online, id) == online.end()) request.offline_log_dirs.push_back(id);
  }
  request.cordoned_log_dirs = node_.log_dirs->cordoned_ids();
  CO_TRY_ASSIGN(const auto reply, co_await controller_.tell(request, deadline));
  co_return reply.response;
}

Task<void> BrokerLifecycle::keep_alive() {
  while (!stopping_) {
    co_await next_heartbeat_.wait_until(Loop::current().now() + node_.heartbeat_interval);
    if (stopping_) co_return;
    const MonotonicTime sent = Loop::current().now();
    const auto answer = co_await heartbeat(false, session_end());
    check_told(answer, sent);
    if (!answer) {
      log_warn("broker", "a heartbeat was not answered", kv("why", answer.error().message));
    } else if (answer->error_code == error_field(ErrorCode::kStaleBrokerEpoch)) {
      log_warn("broker", "the controller has forgotten this broker: registering again");
      if (const auto registered = co_await register_broker(Loop::current().now()); !registered) {
        log_error("broker", "registration failed", kv("why", registered.error().message));
      }
    }
  }
}

Task<void> BrokerLifecycle::report_shutdowns() {
  while (!stopping_) {
    co_await applier_.changed();
    for (const auto& [id, broker] : node_.shards.front()->image()->brokers) {
      const bool is_leaving = broker->in_controlled_shutdown && !broker->fenced && id != node_.node_id;
      if (is_leaving) next_heartbeat_.notify_all();
    }
  }
}

void BrokerLifecycle::directories_changed() {
  const std::vector<Uuid> online = node_.log_dirs->directory_ids();
  const bool lost_one =
      std::ranges::any_of(directories_, [&](const Uuid& id) { return std::ranges::find(online, id) == online.end(); });
  if (lost_one && !untold_since_) untold_since_ = Loop::current().now();
  next_heartbeat_.notify_all();
}

void BrokerLifecycle::check_told(const Result<protocol::BrokerHeartbeatResponse>& answer, MonotonicTime sent) {
  if (!untold_since_) return;
  const bool told = answer && answer->error_code == 0 && sent >= *untold_since_;
  if (told) {
    untold_since_.reset();
  } else if (Loop::current().now() - *untold_since_ > milliseconds(node_.config.log_dir_failure_timeout_ms())) {
    on_failure_({Errc::kUnavailable, "the controller cannot be told that a log directory has failed"});
  }
}

Task<void> BrokerLifecycle::shut_down(MonotonicTime deadline) {
  stopping_ = true;
  while (Loop::current().now() < deadline) {
    const auto answer = co_await heartbeat(true, std::min(deadline, Loop::current().now() + kShutdownAnswerPatience));
    if (!answer || answer->error_code != 0 || answer->should_shut_down) co_return;
    co_await applier_.caught_up();
    co_await sleep_for(kUnfenceRetry);
  }
}

}  // namespace weir::broker
