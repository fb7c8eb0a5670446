// Quotas of users, clients and addresses.
#include "client/cluster.h"
#include "client/errors.h"
#include "protocol/messages/alter_client_quotas_request.h"
#include "protocol/messages/alter_client_quotas_response.h"
#include "protocol/messages/describe_client_quotas_request.h"
#include "protocol/messages/describe_client_quotas_response.h"
#include "weir/admin.h"

namespace weir::client {

Task<Result<std::vector<QuotaDescription>>> Admin::describe_quotas() {
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_->call_any(protocol::DescribeClientQuotasRequest(), cluster_->api_deadline()));
  CO_TRY(to_result(reply.message.error_code, "quotas", reply.message.error_message));
  std::vector<QuotaDescription> quotas;
  if (!reply.message.entries) co_return quotas;
  for (const auto& entry : *reply.message.entries) {
    QuotaDescription& quota = quotas.emplace_back();
    for (const auto& part : entry.entity) quota.entity.emplace(part.entity_type, part.entity_name);
    for (const auto& value : entry.values) quota.values.emplace(value.key, value.value);
  }
  co_return quotas;
}

Task<Result<>> Admin::alter_quotas(QuotaEntity entity, std::map<std::string, std::optional<double>> changes) {
  protocol::AlterClientQuotasRequest request;
  auto& entry = request.entries.emplace_back();
  for (const auto& [type, name] : entity) {
    entry.entity.push_back(
        {.entity_type = type, .entity_name = name ? std::optional<std::string_view>(*name) : std::nullopt});
  }
  for (const auto& [key, value] : changes) {
    entry.ops.push_back({.key = key, .value = value.value_or(0), .remove = !value});
  }
  CO_TRY_ASSIGN(const auto reply, co_await cluster_->call_any(request, cluster_->api_deadline()));
  if (reply.message.entries.empty()) co_return fail(Errc::kCorrupt, "quotas: the answer is empty");
  const auto& result = reply.message.entries.front();
  co_return to_result(result.error_code, "quotas", result.error_message);
}

}  // namespace weir::client
