#include "broker/handlers/forward.h"

namespace weir::broker {

Requester requester_of(const RequestContext& context) {
  Requester requester{.user = std::string(context.user()), .client_id = std::string(context.client_id())};
  if (std::string address = context.connection.client.address_bytes(); !address.empty()) {
    requester.address = std::move(address);
  }
  return requester;
}

}  // namespace weir::broker
