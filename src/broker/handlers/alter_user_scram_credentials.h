// AlterUserScramCredentials: passwords of users, as what SCRAM keeps of them. The controller decides.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/alter_user_scram_credentials_request.h"
#include "protocol/messages/alter_user_scram_credentials_response.h"

namespace weir::broker {

struct AlterUserScramCredentialsHandler {
  using Request = protocol::AlterUserScramCredentialsRequest;
  static constexpr VersionRange kVersions{0, 0};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::AlterUserScramCredentialsResponse& response);
};

}  // namespace weir::broker
