// IncrementalAlterConfigs and AlterConfigs: settings of topics, brokers, groups and client-metrics subscriptions.
#include <map>

#include "broker/controller/config_change.h"
#include "broker/controller/controller.h"

namespace weir::broker {
namespace {

// What both APIs have in common; `change` makes the records of one resource.
template <class Request, class Change>
void alter_all(const Request& request, const quorum::MetadataImage& image, const ConfigRules& rules,
               Decision<typename Request::Response>& decision, const Change& change) {
  std::map<std::pair<int8_t, std::string_view>, int> counts;
  for (const auto& resource : request.resources) ++counts[{resource.resource_type, resource.resource_name}];
  for (const auto& resource : request.resources) {
    int& count = counts[{resource.resource_type, resource.resource_name}];
    if (count == 0) continue;  // answered
    std::optional<ApiError> error;
    if (count > 1) {
      error = ApiError{protocol::ErrorCode::kInvalidRequest, "Each resource must appear at most once."};
    } else {
      ConfigChange resource_change(image, rules, resource.resource_type, resource.resource_name);
      error = change(resource_change, edits_of(resource));
    }
    count = 0;
    auto& result = decision.reply.response.responses.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = decision.reply.keep(resource.resource_name);
    result.error_message.reset();
    if (!error) continue;
    result.error_code = protocol::error_field(error->code);
    result.error_message = decision.reply.keep(error->message);
  }
  if (request.validate_only) decision.records = quorum::MetadataRecords(image.metadata_version());
}

}  // namespace

Decision<protocol::IncrementalAlterConfigsResponse> Controller::decide(
    const protocol::IncrementalAlterConfigsRequest& request, const DecideContext&) {
  auto decision = no_change<protocol::IncrementalAlterConfigsResponse>();
  alter_all(request, image_, rules_, decision, [&](ConfigChange& change, const std::vector<ConfigEdit>& edits) {
    return change.edit(edits, decision.records);
  });
  return decision;
}

Decision<protocol::AlterConfigsResponse> Controller::decide(const protocol::AlterConfigsRequest& request,
                                                            const DecideContext&) {
  auto decision = no_change<protocol::AlterConfigsResponse>();
  alter_all(request, image_, rules_, decision, [&](ConfigChange& change, const std::vector<ConfigEdit>& edits) {
    return change.replace(edits, decision.records);
  });
  return decision;
}

}  // namespace weir::broker
