// AlterClientQuotas: limits for users, client ids and addresses.
#include <fmt/format.h>

#include <map>
#include <set>

#include "broker/controller/controller.h"
#include "broker/quota/quota_key.h"

namespace weir::broker {
namespace {

using protocol::AlterClientQuotasRequest;
using protocol::AlterClientQuotasResponse;
using Entry = AlterClientQuotasRequest::EntryData;

quorum::QuotaEntity entity_of(const Entry& entry) {
  quorum::QuotaEntity entity;
  for (const auto& part : entry.entity) {
    entity[std::string(part.entity_type)] =
        part.entity_name ? std::optional<std::string>(*part.entity_name) : std::nullopt;
  }
  return entity;
}

// Why the entry cannot be carried out.
Result<> check(const Entry& entry, const quorum::QuotaEntity& entity) {
  std::set<std::string_view> keys;
  for (const auto& op : entry.ops) {
    if (!keys.insert(op.key).second) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("Duplicate quota key {}: no quota of this entity is changed", op.key));
    }
  }
  TRY(check_quota_entity(entity));
  for (const auto& op : entry.ops) {
    if (op.remove) continue;
    TRY(check_quota_value(entity, op.key, op.value));
  }
  return {};
}

void add_records(const Entry& entry, const quorum::QuotaEntity& entity, const quorum::QuotaValues* before,
                 quorum::MetadataRecords& records) {
  protocol::ClientQuotaRecord record;
  for (const auto& [type, name] : entity) {
    record.entity.push_back({type, name ? std::optional<std::string_view>(*name) : std::nullopt});
  }
  for (const auto& op : entry.ops) {
    const auto present = before == nullptr ? quorum::QuotaValues::const_iterator{} : before->find(op.key);
    const bool is_set = before != nullptr && present != before->end();
    if (op.remove ? !is_set : is_set && present->second == op.value) continue;
    record.key = op.key;
    record.value = op.remove ? 0 : op.value;
    record.remove = op.remove;
    records.add(record);
  }
}

}  // namespace

Decision<AlterClientQuotasResponse> Controller::decide(const AlterClientQuotasRequest& request, const DecideContext&) {
  auto decision = no_change<AlterClientQuotasResponse>();
  std::map<quorum::QuotaEntity, size_t> counts;
  for (const Entry& entry : request.entries) ++counts[entity_of(entry)];
  for (const Entry& entry : request.entries) {
    const quorum::QuotaEntity entity = entity_of(entry);
    size_t& count = counts[entity];
    if (count == 0) continue;  // answered
    const Result<> valid = count == 1
                               ? check(entry, entity)
                               : fail(Errc::kInvalidArgument, "Each entity must appear at most once in a request.");
    count = 0;
    auto& result = decision.reply.response.entries.emplace_back();
    result.error_message.reset();
    for (const auto& [type, name] : entity) {
      auto& part = result.entity.emplace_back();
      part.entity_type = decision.reply.keep(type);
      part.entity_name.reset();
      if (name) part.entity_name = decision.reply.keep(*name);
    }
    if (valid) {
      add_records(entry, entity, image_.client_quotas.find(entity), decision.records);
      continue;
    }
    result.error_code = protocol::error_field(protocol::ErrorCode::kInvalidRequest);
    result.error_message = decision.reply.keep(valid.error().message);
  }
  if (request.validate_only) decision.records = quorum::MetadataRecords(image_.metadata_version());
  return decision;
}

}  // namespace weir::broker
