#include "broker/handlers/forward.h"

#include <arpa/inet.h>

namespace weir::broker {

Requester requester_of(const RequestContext& context) {
  Requester requester{.user = std::string(context.user()), .client_id = std::string(context.client_id())};
  std::string address(sizeof(in6_addr), '\0');
  const char* host = context.connection.client.host.c_str();
  if (inet_pton(AF_INET, host, address.data()) == 1) {
    requester.address = address.substr(0, sizeof(in_addr));
  } else if (inet_pton(AF_INET6, host, address.data()) == 1) {
    requester.address = std::move(address);
  }
  return requester;
}

}  // namespace weir::broker
