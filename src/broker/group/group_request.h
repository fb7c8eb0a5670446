// What is known of a request besides its message. Views: valid while the request is handled.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::broker {

struct GroupRequestContext {
  int16_t api_version = 0;
  std::string_view client_id;
  std::string_view client_host;  // as Kafka shows it: "/127.0.0.1"
};

}  // namespace weir::broker
