// What the controller decides about quotas, and within them.
#include "broker/controller/controller_fixture.h"

namespace weir::broker {
namespace {

using namespace testing;
using protocol::AlterClientQuotasRequest;
using protocol::ErrorCode;

AlterClientQuotasRequest::EntryData entry(std::vector<std::pair<std::string_view, std::optional<std::string_view>>> who,
                                          std::string_view key, std::optional<double> value) {
  AlterClientQuotasRequest::EntryData made;
  for (const auto& [type, name] : who) made.entity.push_back({type, name});
  made.ops.push_back({key, value.value_or(0), !value});
  return made;
}

class ControllerQuotasTest : public ControllerTest {
 protected:
  Reply<protocol::AlterClientQuotasResponse> alter(std::vector<AlterClientQuotasRequest::EntryData> entries,
                                                   bool validate_only = false) {
    AlterClientQuotasRequest request;
    request.entries = std::move(entries);
    request.validate_only = validate_only;
    return ask(request);
  }
  void limit_mutations(double rate) {
    alter({entry({{"user", "alice"}}, "controller_mutation_rate", rate)});
    context_.user = "alice";
  }
};

TEST_F(ControllerQuotasTest, QuotasAreSetChangedAndRemoved) {
  const quorum::QuotaEntity alice{{"user", "alice"}};
  EXPECT_EQ(alter({entry({{"user", "alice"}}, "producer_byte_rate", 5)}).response.entries.at(0).error_code, 0);
  EXPECT_EQ(*controller_.image().client_quotas.find(alice), (quorum::QuotaValues{{"producer_byte_rate", 5}}));
  alter({entry({{"user", "alice"}}, "producer_byte_rate", 5)});
  EXPECT_TRUE(last_records_.empty()) << "nothing changes";
  alter({entry({{"user", "alice"}}, "producer_byte_rate", std::nullopt)});
  EXPECT_EQ(controller_.image().client_quotas.find(alice), nullptr);
  EXPECT_EQ(alter({entry({{"user", "alice"}}, "producer_byte_rate", std::nullopt)}).response.entries.at(0).error_code,
            0);
  EXPECT_TRUE(last_records_.empty()) << "there was none to remove";
}

TEST_F(ControllerQuotasTest, ValidationAloneChangesNothing) {
  EXPECT_EQ(alter({entry({{"user", "alice"}}, "producer_byte_rate", 5)}, true).response.entries.at(0).error_code, 0);
  EXPECT_TRUE(controller_.image().client_quotas.empty());
}

TEST_F(ControllerQuotasTest, ABadEntryIsRefusedAndTheOthersAreMade) {
  const auto reply = alter({entry({{"user", "alice"}}, "producer_byte_rate", 5), entry({}, "producer_byte_rate", 5),
                            entry({{"user", std::nullopt}}, "no_such_rate", 5)});
  ASSERT_EQ(reply.response.entries.size(), 3U);
  EXPECT_EQ(reply.response.entries[0].error_code, 0);
  EXPECT_EQ(reply.response.entries[1].error_code, code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(reply.response.entries[2].error_message, "Invalid configuration key no_such_rate");
  EXPECT_EQ(controller_.image().client_quotas.size(), 1U);
}

TEST_F(ControllerQuotasTest, AnEntityThatIsNamedTwiceIsAnsweredOnceAndRefused) {
  const auto reply =
      alter({entry({{"user", "alice"}}, "producer_byte_rate", 5), entry({{"user", "alice"}}, "consumer_byte_rate", 5)});
  ASSERT_EQ(reply.response.entries.size(), 1U);
  EXPECT_EQ(reply.response.entries[0].error_code, code(ErrorCode::kInvalidRequest));
  EXPECT_TRUE(controller_.image().client_quotas.empty());
}

TEST_F(ControllerQuotasTest, TopicsBeyondTheMutationRateAreRefusedUntilTheBucketHasFilledUp) {
  add_broker(1);
  limit_mutations(1);
  EXPECT_EQ(create("a", 15).error_code, 0) << "a full bucket may be overdrawn";
  EXPECT_EQ(create("b", 1).error_code, code(ErrorCode::kThrottlingQuotaExceeded));
  EXPECT_EQ(replies_.back().response.throttle_time_ms, 4000);
  EXPECT_EQ(controller_.image().topic("b"), nullptr);
  context_.now += seconds(4);
  EXPECT_EQ(create("b", 1).error_code, 0);
}

TEST_F(ControllerQuotasTest, OlderClientsAreOnlyThrottled) {
  add_broker(1);
  limit_mutations(1);
  protocol::CreateTopicsRequest request;
  request.topics.push_back({"a", 15, 1, {}, {}});
  const auto reply = ask(request, 5);
  EXPECT_EQ(reply.response.topics.at(0).error_code, 0);
  EXPECT_EQ(reply.response.throttle_time_ms, 4000);
}

TEST_F(ControllerQuotasTest, PartitionsThatAreAddedOrDeletedCountToo) {
  add_broker(1);
  create("a", 3);
  limit_mutations(1);
  protocol::CreatePartitionsRequest more;
  more.topics.push_back({"a", 15, std::nullopt});
  EXPECT_EQ(ask(more).response.results.at(0).error_code, 0);
  protocol::DeleteTopicsRequest removal;
  removal.topics.push_back({"a", Uuid{}});
  const auto refused = ask(removal);
  EXPECT_EQ(refused.response.responses.at(0).error_code, code(ErrorCode::kThrottlingQuotaExceeded));
  EXPECT_EQ(refused.response.throttle_time_ms, 1000);
  context_.now += seconds(1);
  EXPECT_EQ(ask(removal).response.responses.at(0).error_code, 0);
}

TEST_F(ControllerQuotasTest, TheClusterItselfHasNoLimit) {
  add_broker(1);
  alter({entry({{"user", std::nullopt}}, "controller_mutation_rate", 1)});
  EXPECT_EQ(create("a", 100).error_code, 0);
  EXPECT_EQ(create("b", 100).error_code, 0);
}

}  // namespace
}  // namespace weir::broker
