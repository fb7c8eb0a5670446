// DescribeUserScramCredentials: which users have credentials for which mechanisms, and with how many iterations.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/describe_user_scram_credentials_request.h"
#include "protocol/messages/describe_user_scram_credentials_response.h"

namespace weir::broker {

struct DescribeUserScramCredentialsHandler {
  using Request = protocol::DescribeUserScramCredentialsRequest;
  static constexpr VersionRange kVersions{0, 0};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DescribeUserScramCredentialsResponse& response);
};

}  // namespace weir::broker
