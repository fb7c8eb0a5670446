#include "broker/handlers/describe_user_scram_credentials.h"

#include <map>

#include "broker/shard.h"

namespace weir::broker {

using protocol::DescribeUserScramCredentialsResponse;
using protocol::ErrorCode;

namespace {

using Credentials = std::vector<DescribeUserScramCredentialsResponse::CredentialInfo>;

std::map<std::string_view, Credentials> by_user(const quorum::MetadataImage& image) {
  std::map<std::string_view, Credentials> users;
  for (const auto& [key, credential] : image.scram_credentials) {
    users[key.user].push_back({key.mechanism, credential->iterations});
  }
  return users;
}

}  // namespace

Task<Outcome> DescribeUserScramCredentialsHandler::handle(RequestContext& context, const Request& request,
                                                          DescribeUserScramCredentialsResponse& response) {
  context.image = context.shard.image();
  response.error_message = "";  // with no error too
  const auto known = by_user(*context.image);
  // How often each is asked for; nobody by name: all that there are.
  std::map<std::string_view, int> wanted;
  if (!request.users || request.users->empty()) {
    for (const auto& [user, credentials] : known) wanted[user] = 1;
  } else {
    for (const auto& user : *request.users) ++wanted[user.name];
  }
  for (const auto& [user, count] : wanted) {
    auto& result = response.results.emplace_back();
    result.user = user;
    result.error_message = "";
    const auto found = known.find(user);
    if (count > 1) {
      result.error_code = error_field(ErrorCode::kDuplicateResource);
      result.error_message = "Cannot describe SCRAM credentials for the same user twice in a single request";
    } else if (found == known.end()) {
      result.error_code = error_field(ErrorCode::kResourceNotFound);
      result.error_message = "Attempt to describe a user credential that does not exist";
    } else {
      result.credential_infos = found->second;
    }
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
