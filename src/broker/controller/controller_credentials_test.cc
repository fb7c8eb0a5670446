#include "broker/controller/controller_fixture.h"
#include "quorum/scram.h"

namespace weir::broker::testing {
namespace {

using protocol::AlterUserScramCredentialsRequest;
using protocol::ErrorCode;
using quorum::ScramMechanism;

constexpr auto kSha256 = static_cast<int8_t>(ScramMechanism::kSha256);
constexpr auto kSha512 = static_cast<int8_t>(ScramMechanism::kSha512);

class ControllerCredentialsTest : public ControllerTest {
 protected:
  AlterUserScramCredentialsRequest::ScramCredentialUpsertion upsertion(std::string_view user,
                                                                       int8_t mechanism = kSha256,
                                                                       int32_t iterations = 4096) {
    return {user, mechanism, iterations, as_bytes("salt"), as_bytes("salted password")};
  }
  // The errors by user.
  std::map<std::string, int16_t> alter(
      std::vector<AlterUserScramCredentialsRequest::ScramCredentialDeletion> deletions,
      std::vector<AlterUserScramCredentialsRequest::ScramCredentialUpsertion> upsertions) {
    AlterUserScramCredentialsRequest request;
    request.deletions = std::move(deletions);
    request.upsertions = std::move(upsertions);
    const auto reply = ask(request);
    std::map<std::string, int16_t> errors;
    for (const auto& result : reply.response.results) errors.emplace(result.user, result.error_code);
    return errors;
  }
  const quorum::ScramCredential* credential(int8_t mechanism, const std::string& user) {
    const auto* found = controller_.image().scram_credentials.find(quorum::ScramKey{mechanism, user});
    return found == nullptr ? nullptr : found->get();
  }
};

TEST_F(ControllerCredentialsTest, WhatIsKeptIsMadeOfTheSaltedPassword) {
  EXPECT_EQ(alter({}, {upsertion("alice", kSha512, 5000)}), (std::map<std::string, int16_t>{{"alice", 0}}));
  const auto* kept = credential(kSha512, "alice");
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->iterations, 5000);
  EXPECT_EQ(kept->salt, to_vector(as_bytes("salt")));
  const auto expected =
      quorum::credential_of("alice", ScramMechanism::kSha512, as_bytes("salt"), as_bytes("salted password"), 5000);
  EXPECT_EQ(kept->stored_key, expected.stored_key);
  EXPECT_EQ(kept->server_key, expected.server_key);
  EXPECT_EQ(kept->stored_key.size(), 64U);
  EXPECT_EQ(alter({{"alice", kSha512}}, {}), (std::map<std::string, int16_t>{{"alice", 0}}));
  EXPECT_EQ(credential(kSha512, "alice"), nullptr);
}

TEST_F(ControllerCredentialsTest, UserIsChangedOnceInARequestOrNotAtAll) {
  alter({}, {upsertion("alice")});
  const int16_t twice = code(ErrorCode::kDuplicateResource);
  const std::map<std::string, int16_t> only_bob{{"alice", twice}, {"bob", 0}};
  EXPECT_EQ(alter({}, {upsertion("alice"), upsertion("alice", kSha512), upsertion("bob")}), only_bob);
  EXPECT_EQ(records<protocol::UserScramCredentialRecord>().size(), 1U);
  EXPECT_EQ(alter({{"alice", kSha256}}, {upsertion("alice"), upsertion("bob")}), only_bob);
  EXPECT_EQ(alter({{"alice", kSha256}, {"alice", kSha256}}, {upsertion("bob")}), only_bob);
  EXPECT_NE(credential(kSha256, "alice"), nullptr);
}

TEST_F(ControllerCredentialsTest, WhatCannotBeACredentialIsRefused) {
  const auto refusal = [&](const auto& change) { return alter({}, {change}).begin()->second; };
  EXPECT_EQ(refusal(upsertion("")), code(ErrorCode::kUnacceptableCredential));
  EXPECT_EQ(refusal(upsertion("u", 3)), code(ErrorCode::kUnsupportedSaslMechanism));
  EXPECT_EQ(refusal(upsertion("u", kSha256, 4095)), code(ErrorCode::kUnacceptableCredential));
  EXPECT_EQ(refusal(upsertion("u", kSha256, 16385)), code(ErrorCode::kUnacceptableCredential));
  auto without_password = upsertion("u");
  without_password.salted_password = {};
  EXPECT_EQ(refusal(without_password), code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter({{"u", kSha256}}, {}).at("u"), code(ErrorCode::kResourceNotFound));
  EXPECT_TRUE(controller_.image().scram_credentials.empty());
}

TEST_F(ControllerCredentialsTest, ClusterOfAnOldMetadataVersionKeepsNoCredentials) {
  Controller controller(options(), rules_, random_);
  quorum::MetadataRecords bootstrap(quorum::MetadataVersion(10));
  bootstrap.add(protocol::FeatureLevelRecord{.name = quorum::kMetadataVersionFeature, .feature_level = 10});
  controller.replay(controller.activate({}, false, bootstrap, context_).records, context_);
  AlterUserScramCredentialsRequest request;
  request.upsertions = {upsertion("alice")};
  const auto decision = controller.decide(request, context_);
  EXPECT_EQ(decision.reply.response.results.at(0).error_code, code(ErrorCode::kUnsupportedVersion));
  EXPECT_TRUE(decision.records.empty());
}

}  // namespace
}  // namespace weir::broker::testing
