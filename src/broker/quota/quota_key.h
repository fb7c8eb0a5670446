// The quotas that there are: their names on the wire and in the metadata, whom they may be set for, and which values
// they take. Constant tables; any thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

// What is limited.
enum class QuotaKind : uint8_t {
  kProduce,             // producer_byte_rate: bytes of requests a second
  kFetch,               // consumer_byte_rate: bytes of records a second
  kRequest,             // request_percentage: percent of one thread's time
  kControllerMutation,  // controller_mutation_rate: partitions created or deleted a second
  kConnection,          // connection_creation_rate: connections a second
};
inline constexpr size_t kQuotaKinds = 5;
inline constexpr std::array<QuotaKind, kQuotaKinds> kAllQuotaKinds = {
    QuotaKind::kProduce, QuotaKind::kFetch, QuotaKind::kRequest, QuotaKind::kControllerMutation,
    QuotaKind::kConnection};

// producer_byte_rate and its like.
std::string_view quota_name(QuotaKind kind);
// As metrics name it: produce, fetch, request, controller_mutation, connection.
std::string_view quota_label(QuotaKind kind);
std::optional<QuotaKind> find_quota(std::string_view name);

inline constexpr std::string_view kQuotaUser = "user";
inline constexpr std::string_view kQuotaClientId = "client-id";
inline constexpr std::string_view kQuotaIp = "ip";

// kInvalidArgument says why no quota can be set for such an entity.
Result<> check_quota_entity(const quorum::QuotaEntity& entity);
// kInvalidArgument when `name` is no quota of such an entity, or takes no such value. The entity was checked before.
Result<> check_quota_value(const quorum::QuotaEntity& entity, std::string_view name, double value);

}  // namespace weir::broker
