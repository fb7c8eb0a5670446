#include "broker/handlers/alter_user_scram_credentials.h"

#include <set>

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> AlterUserScramCredentialsHandler::handle(RequestContext& context, const Request& request,
                                                       protocol::AlterUserScramCredentialsResponse& response) {
  return forward(context, request, response, [&](protocol::ErrorCode error) {
    std::set<std::string_view> users;
    for (const auto& deletion : request.deletions) users.insert(deletion.name);
    for (const auto& upsertion : request.upsertions) users.insert(upsertion.name);
    for (std::string_view user : users) response.results.push_back({user, error_field(error), std::nullopt});
  });
}

}  // namespace weir::broker
