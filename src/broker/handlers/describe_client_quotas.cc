#include "broker/handlers/describe_client_quotas.h"

#include "broker/quota/quota_filter.h"
#include "broker/shard.h"

namespace weir::broker {

Task<Outcome> DescribeClientQuotasHandler::handle(RequestContext& context, const Request& request,
                                                  protocol::DescribeClientQuotasResponse& response) {
  using protocol::ErrorCode;
  context.image = context.shard.image();
  response.error_message = "";  // with no error too
  QuotaFilter filter(request.strict);
  for (const auto& component : request.components) {
    const Result<> added = filter.add(component.entity_type, component.match_type, component.match);
    if (added) continue;
    response.error_code = error_field(added.error().code == Errc::kUnsupported ? ErrorCode::kUnsupportedVersion
                                                                               : ErrorCode::kInvalidRequest);
    response.error_message = context.strings.keep(std::string_view(added.error().message));
    response.entries.reset();
    co_return Outcome::kReply;
  }
  response.entries.emplace();
  for (const auto& [entity, values] : context.image->client_quotas) {
    if (!filter.matches(entity)) continue;
    auto& entry = response.entries->emplace_back();
    for (const auto& [type, name] : entity) {
      entry.entity.push_back({type, name ? std::optional<std::string_view>(*name) : std::nullopt});
    }
    for (const auto& [key, value] : values) entry.values.push_back({key, value});
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
