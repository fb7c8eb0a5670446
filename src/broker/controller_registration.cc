#include "broker/controller_registration.h"

#include "base/log.h"
#include "broker/config/broker_config.h"
#include "protocol/error_code.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

// Until a registration that was answered is seen in the metadata, and after one that was refused.
constexpr Duration kRetryInterval = seconds(1);

}  // namespace

ControllerRegistration::ControllerRegistration(NodeContext& node, ControllerClient& controller,
                                               std::vector<AdvertisedListener> listeners)
    : node_(node),
      controller_(controller),
      listeners_(std::move(listeners)),
      incarnation_(Uuid::random(node.seams.random)) {}

void ControllerRegistration::on_metadata(const quorum::MetadataUpdate& update) {
  image_ = update.after;
  if (update.changes->features || update.changes->controllers.contains(node_.node_id)) changed_.notify_all();
}

bool ControllerRegistration::is_due() const {
  if (image_ == nullptr || !image_->metadata_version().has_controller_registration()) return false;
  const auto* registered = image_->controllers.find(node_.node_id);
  return registered == nullptr || (*registered)->incarnation_id != incarnation_;
}

Task<void> ControllerRegistration::register_once() {
  protocol::ControllerRegistrationRequest request;
  request.controller_id = node_.node_id.value();
  request.incarnation_id = incarnation_;
  describe_node(listeners_, request);
  const auto reply = co_await controller_.tell(request, kNever);
  if (stopping_) co_return;
  if (!reply) {
    log_warn("controller", "cannot register", kv("why", reply.error().message));
  } else if (reply->response.error_code != 0) {
    log_warn("controller", "its registration is refused",
             kv("error", protocol::error_name(protocol::error_code(reply->response.error_code))),
             kv("why", reply->response.error_message.value_or("")));
  }
}

Task<void> ControllerRegistration::run() {
  while (!stopping_) {
    if (!is_due()) {
      co_await changed_.wait();
      continue;
    }
    co_await register_once();
    const MonotonicTime again = Loop::current().now() + kRetryInterval;
    while (!stopping_ && is_due() && Loop::current().now() < again) co_await changed_.wait_until(again);
  }
}

void ControllerRegistration::stop() {
  stopping_ = true;
  changed_.notify_all();
}

}  // namespace weir::broker
