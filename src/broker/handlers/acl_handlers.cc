#include "broker/handlers/acl_handlers.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

constexpr std::string_view kNoAuthorizer = "No Authorizer is configured.";

}  // namespace

Task<Outcome> DescribeAclsHandler::handle(RequestContext&, const Request&, protocol::DescribeAclsResponse& response) {
  response.error_code = error_field(ErrorCode::kSecurityDisabled);
  response.error_message = kNoAuthorizer;
  co_return Outcome::kReply;
}

Task<Outcome> CreateAclsHandler::handle(RequestContext&, const Request& request,
                                        protocol::CreateAclsResponse& response) {
  response.results.assign(request.creations.size(), {error_field(ErrorCode::kSecurityDisabled), kNoAuthorizer});
  co_return Outcome::kReply;
}

Task<Outcome> DeleteAclsHandler::handle(RequestContext&, const Request& request,
                                        protocol::DeleteAclsResponse& response) {
  response.filter_results.assign(request.filters.size(),
                                 {error_field(ErrorCode::kSecurityDisabled), kNoAuthorizer, {}});
  co_return Outcome::kReply;
}

}  // namespace weir::broker
