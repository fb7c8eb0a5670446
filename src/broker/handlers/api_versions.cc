#include "broker/handlers/api_versions.h"

#include <algorithm>
#include <cctype>

#include "broker/shard.h"
#include "quorum/metadata_version.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;

// Kafka's [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
bool is_software_name(std::string_view text) {
  const auto alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  if (text.empty() || !alphanumeric(text.front()) || !alphanumeric(text.back())) return false;
  return std::ranges::all_of(text, [&](char c) { return alphanumeric(c) || c == '-' || c == '.'; });
}

void add_features(const quorum::MetadataImage& image, int16_t version, protocol::ApiVersionsResponse& response) {
  const auto add_supported = [&](std::string_view name, quorum::VersionRange range) {
    // Clients before version 4 take a minimum of 0 for an error.
    if (version < 4 && range.min == 0) return;
    response.supported_features.push_back({name, range.min, range.max});
  };
  add_supported(quorum::kMetadataVersionFeature, *quorum::supported_levels(quorum::kMetadataVersionFeature));
  for (const quorum::Feature& feature : quorum::features()) add_supported(feature.name, feature.supported);
  for (const auto& [name, level] : image.features) response.finalized_features.push_back({name, level, level});
  response.finalized_features_epoch = image.provenance.last_offset.value();
}

}  // namespace

Task<Outcome> ApiVersionsHandler::handle(RequestContext& context, const Request& request,
                                         protocol::ApiVersionsResponse& response) {
  if (context.version() > kVersions.max) {
    // The connection decoded nothing and answers in the layout of version 0, which every client reads.
    response.error_code = error_field(ErrorCode::kUnsupportedVersion);
    response.api_keys.push_back({static_cast<int16_t>(protocol::ApiKey::kApiVersions), kVersions.min, kVersions.max});
    co_return Outcome::kReply;
  }
  if (context.version() >= 3) {
    if (!is_software_name(request.client_software_name) || !is_software_name(request.client_software_version)) {
      response.error_code = error_field(ErrorCode::kInvalidRequest);
      co_return Outcome::kReply;
    }
    context.connection.client_software_name = request.client_software_name;
    context.connection.client_software_version = request.client_software_version;
  }
  for (const ApiHandler& handler : context.connection.apis.all()) {
    response.api_keys.push_back(
        {static_cast<int16_t>(handler.key), handler.versions.advertised_min, handler.versions.max});
  }
  context.image = context.shard.image();
  add_features(*context.image, context.version(), response);
  co_return Outcome::kReply;
}

}  // namespace weir::broker
