// AlterUserScramCredentials: what is kept of users' passwords. A user is changed once in a request or not at all.
#include <map>

#include "broker/controller/controller.h"
#include "broker/controller/topic_creation.h"
#include "quorum/scram.h"

namespace weir::broker {
namespace {

using protocol::AlterUserScramCredentialsRequest;
using protocol::AlterUserScramCredentialsResponse;
using protocol::ErrorCode;
using quorum::ScramMechanism;
using Deletion = AlterUserScramCredentialsRequest::ScramCredentialDeletion;
using Upsertion = AlterUserScramCredentialsRequest::ScramCredentialUpsertion;

std::optional<ApiError> check_user(std::string_view name, int8_t mechanism) {
  if (name.empty()) return ApiError{ErrorCode::kUnacceptableCredential, "Username must not be empty"};
  const bool is_known = mechanism == static_cast<int8_t>(ScramMechanism::kSha256) ||
                        mechanism == static_cast<int8_t>(ScramMechanism::kSha512);
  if (!is_known) return ApiError{ErrorCode::kUnsupportedSaslMechanism, "Unknown SCRAM mechanism"};
  return std::nullopt;
}

std::optional<ApiError> check(const Upsertion& upsertion) {
  if (auto error = check_user(upsertion.name, upsertion.mechanism)) return error;
  if (upsertion.iterations < quorum::kScramIterationsMin) {
    return ApiError{ErrorCode::kUnacceptableCredential, "Too few iterations"};
  }
  if (upsertion.iterations > quorum::kScramIterationsMax) {
    return ApiError{ErrorCode::kUnacceptableCredential, "Too many iterations"};
  }
  if (upsertion.salted_password.empty()) {
    return ApiError{ErrorCode::kInvalidRequest, "The salted password must not be empty"};
  }
  return std::nullopt;
}

class CredentialChanges {
 public:
  CredentialChanges(const quorum::MetadataImage& image, Decision<AlterUserScramCredentialsResponse>& decision)
      : image_(image), decision_(decision) {}

  // First all deletions, then all upsertions of a request.
  void add(const Deletion& deletion) {
    Change* change = begin(deletion.name);
    if (change == nullptr) return;
    change->error = check_user(deletion.name, deletion.mechanism);
    const quorum::ScramKey key{deletion.mechanism, std::string(deletion.name)};
    if (!change->error && !image_.scram_credentials.contains(key)) {
      change->error = ApiError{ErrorCode::kResourceNotFound, "Attempt to delete a user credential that does not exist"};
    }
    change->deletion = &deletion;
  }
  void add(const Upsertion& upsertion) {
    Change* change = begin(upsertion.name);
    if (change == nullptr) return;
    change->error = check(upsertion);
    change->upsertion = &upsertion;
  }

  // Records and results of what was added.
  void finish() {
    for (const auto& [user, change] : changes_) {
      auto& result = decision_.reply.response.results.emplace_back();
      result.user = decision_.reply.keep(user);
      result.error_message.reset();
      if (change.error) {
        result.error_code = protocol::error_field(change.error->code);
        result.error_message = decision_.reply.keep(change.error->message);
      } else if (change.deletion != nullptr) {
        decision_.records.add(protocol::RemoveUserScramCredentialRecord{.name = change.deletion->name,
                                                                        .mechanism = change.deletion->mechanism});
      } else {
        const Upsertion& upsertion = *change.upsertion;
        const auto credential =
            quorum::credential_of(std::string(user), static_cast<ScramMechanism>(upsertion.mechanism), upsertion.salt,
                                  upsertion.salted_password, upsertion.iterations);
        decision_.records.add(credential.record());
      }
    }
  }

 private:
  struct Change {
    const Deletion* deletion = nullptr;
    const Upsertion* upsertion = nullptr;
    std::optional<ApiError> error{};
  };

  // The change of a user that is named for the first time; nullptr when there is nothing to look at any more.
  Change* begin(std::string_view user) {
    const auto [found, is_new] = changes_.try_emplace(user);
    Change& change = found->second;
    if (!is_new) {
      if (!change.error) {
        change.error =
            ApiError{ErrorCode::kDuplicateResource, "A user credential cannot be altered twice in the same request"};
      }
      return nullptr;
    }
    if (image_.metadata_version().has_scram()) return &change;
    change.error = ApiError{ErrorCode::kUnsupportedVersion, "The current metadata.version does not support SCRAM"};
    return nullptr;
  }

  const quorum::MetadataImage& image_;
  Decision<AlterUserScramCredentialsResponse>& decision_;
  std::map<std::string_view, Change> changes_;
};

}  // namespace

Decision<AlterUserScramCredentialsResponse> Controller::decide(const AlterUserScramCredentialsRequest& request,
                                                               const DecideContext&) {
  auto decision = no_change<AlterUserScramCredentialsResponse>();
  CredentialChanges changes(image_, decision);
  for (const Deletion& deletion : request.deletions) changes.add(deletion);
  for (const Upsertion& upsertion : request.upsertions) changes.add(upsertion);
  changes.finish();
  return decision;
}

}  // namespace weir::broker
