// DescribeAcls, CreateAcls and DeleteAcls. A node without an authorizer has no access rules to show or to change, and
// says so: SECURITY_DISABLED. One with an authorizer does not start (authorizer.class.name).
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/create_acls_request.h"
#include "protocol/messages/create_acls_response.h"
#include "protocol/messages/delete_acls_request.h"
#include "protocol/messages/delete_acls_response.h"
#include "protocol/messages/describe_acls_request.h"
#include "protocol/messages/describe_acls_response.h"

namespace weir::broker {

struct DescribeAclsHandler {
  using Request = protocol::DescribeAclsRequest;
  static constexpr VersionRange kVersions{1, 3};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DescribeAclsResponse& response);
};

struct CreateAclsHandler {
  using Request = protocol::CreateAclsRequest;
  static constexpr VersionRange kVersions{1, 3};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::CreateAclsResponse& response);
};

struct DeleteAclsHandler {
  using Request = protocol::DeleteAclsRequest;
  static constexpr VersionRange kVersions{1, 3};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::DeleteAclsResponse& response);
};

}  // namespace weir::broker
