#include "broker/controller/controller.h"

#include "broker/controller/controller_fixture.h"

namespace weir::broker::testing {
namespace {

using protocol::ErrorCode;

TEST_F(ControllerTest, EmptyLogIsBegunInOneTransactionAsKafkaDoes) {
  // Order and content were compared with the first batch of a node of Kafka 4.3.1.
  ASSERT_EQ(last_records_.size(), 9U);
  EXPECT_EQ(records<protocol::BeginTransactionRecord>().at(0).name, "Bootstrap records");
  std::vector<std::pair<std::string_view, int16_t>> levels;
  for (const auto& record : records<protocol::FeatureLevelRecord>())
    levels.emplace_back(record.name, record.feature_level);
  EXPECT_EQ(levels, (std::vector<std::pair<std::string_view, int16_t>>{{"metadata.version", 30},
                                                                       {"eligible.leader.replicas.version", 1},
                                                                       {"group.version", 1},
                                                                       {"share.version", 1},
                                                                       {"streams.version", 1},
                                                                       {"transaction.version", 2}}));
  const auto config = std::get<protocol::ConfigRecord>(last_records_[7]);
  EXPECT_EQ(config.resource_type, 4);
  EXPECT_EQ(config.resource_name, "");
  EXPECT_EQ(config.name, "min.insync.replicas");
  EXPECT_EQ(config.value, "1");
  EXPECT_TRUE(std::holds_alternative<protocol::EndTransactionRecord>(last_records_[8]));
}

TEST_F(ControllerTest, NonEmptyLogIsTakenOverAsItIs) {
  Controller next(options(), rules_, random_);
  const auto decision =
      next.activate(controller_.image(), false, quorum::MetadataRecords(quorum::kLatestMetadataVersion), context_);
  EXPECT_TRUE(decision.records.empty());
}

TEST_F(ControllerTest, BootstrapThatWasCutShortIsAbortedAndBegunAgain) {
  Controller next(options(), rules_, random_);
  quorum::MetadataRecords bootstrap(quorum::kLatestMetadataVersion);
  quorum::add_default_features(quorum::kLatestMetadataVersion, bootstrap);
  const auto decision = next.activate({}, true, bootstrap, context_);
  ASSERT_EQ(decision.records.size(), 10U);
  EXPECT_TRUE(std::holds_alternative<protocol::AbortTransactionRecord>(
      quorum::decode_metadata_record(decision.records[0]).value()));
}

TEST_F(ControllerTest, IdleControllerWritesANoOp) {
  context_.now += milliseconds(499);
  take(controller_.tick(context_));
  EXPECT_TRUE(last_records_.empty());
  EXPECT_EQ(controller_.next_tick(), MonotonicTime() + milliseconds(500));
  context_.now += milliseconds(1);
  take(controller_.tick(context_));
  EXPECT_EQ(records<protocol::NoOpRecord>().size(), 1U);
  EXPECT_EQ(controller_.next_tick(), context_.now + milliseconds(500));
}

// ------------------------------------------------------------------------------------------------------------- brokers

TEST_F(ControllerTest, BrokerIsFencedUntilItHasSeenItsOwnRegistration) {
  const int64_t epoch = register_broker(1);
  EXPECT_EQ(epoch, context_.next_offset.value() - 1) << "the epoch is the offset of the record";
  EXPECT_TRUE(broker(1).fenced);
  auto request = heartbeat(1);
  request.current_metadata_offset = epoch - 1;
  EXPECT_TRUE(ask(request).response.is_fenced);
  request.current_metadata_offset = epoch;
  const auto reply = ask(request);
  EXPECT_FALSE(reply.response.is_fenced);
  EXPECT_TRUE(reply.response.is_caught_up);
  EXPECT_FALSE(broker(1).fenced);
}

TEST_F(ControllerTest, WrongRegistrationsAreRefused) {
  add_broker(1);
  const auto refused = [&](auto change, int32_t id = 2) {
    auto request = registration(id);
    change(request);
    const auto reply = ask(request);
    EXPECT_TRUE(last_records_.empty());
    return protocol::error_code(reply.response.error_code);
  };
  EXPECT_EQ(refused([](auto& r) { r.cluster_id = "other"; }), ErrorCode::kInconsistentClusterId);
  EXPECT_EQ(refused([](auto&) {}, 1), ErrorCode::kDuplicateBrokerRegistration);
  EXPECT_EQ(refused([](auto& r) { r.log_dirs.clear(); }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(refused([](auto& r) { r.log_dirs = {Uuid(0, 5)}; }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(refused([](auto& r) { r.log_dirs.push_back(r.log_dirs[0]); }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(refused([](auto& r) { r.log_dirs = {Uuid(9, 1001)}; }), ErrorCode::kInvalidRegistration) << "broker 1's";
  EXPECT_EQ(refused([](auto& r) { r.features.erase(r.features.begin()); }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(refused([](auto& r) { r.features.pop_back(); }), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(refused([](auto& r) { r.features[0].max_supported_version = 29; }), ErrorCode::kUnsupportedVersion);
}

TEST_F(ControllerTest, BrokerThatWasLetGoMayComeBackAtOnce) {
  add_broker(1);
  auto request = heartbeat(1);
  request.want_shut_down = true;
  ASSERT_TRUE(ask(request).response.should_shut_down);
  auto again = registration(1);
  again.incarnation_id = Uuid(4, 4);
  const auto reply = ask(again);
  EXPECT_EQ(protocol::error_code(reply.response.error_code), ErrorCode::kNone);
}

TEST_F(ControllerTest, SameIncarnationKeepsItsEpoch) {
  auto request = registration(1);
  const int64_t epoch = ask(request).response.broker_epoch;
  ask(heartbeat(1));
  request.listeners[0].port = 9999;
  EXPECT_EQ(ask(request).response.broker_epoch, epoch);
  EXPECT_FALSE(broker(1).fenced);
  EXPECT_EQ(broker(1).endpoints[0].port, 9999);
}

TEST_F(ControllerTest, BrokerWithoutAHeartbeatIsFencedAndLosesItsLeadership) {
  add_broker(1);
  create("t", 2);
  context_.now += seconds(9);
  take(controller_.tick(context_));
  EXPECT_TRUE(broker(1).fenced);
  EXPECT_EQ(partition("t").leader, kNoNode);
  EXPECT_TRUE(partition("t").isr.empty());
  EXPECT_EQ(partition("t").elr, std::vector{NodeId(1)});
  ask(heartbeat(1));
  EXPECT_EQ(partition("t").leader, NodeId(1));
  EXPECT_EQ(partition("t").isr, std::vector{NodeId(1)});
  EXPECT_TRUE(partition("t").elr.empty());
  EXPECT_EQ(partition("t").leader_epoch, LeaderEpoch(2));
}

TEST_F(ControllerTest, BrokerWhoseProcessHasEndedIsFencedAndMayComeBackAtOnce) {
  add_broker(1);
  create("t");
  const BrokerEpoch epoch = broker(1).epoch;
  take(controller_.broker_ended(NodeId(1), epoch));
  EXPECT_TRUE(broker(1).fenced);
  EXPECT_EQ(partition("t").leader, kNoNode);
  register_broker(1, epoch.value());
  ask(heartbeat(1));
  EXPECT_FALSE(broker(1).fenced);
  EXPECT_EQ(partition("t").leader, NodeId(1));
  // What was heard of its life before is not of this one.
  take(controller_.broker_ended(NodeId(1), epoch));
  EXPECT_FALSE(broker(1).fenced);
}

TEST_F(ControllerTest, AnotherProcessTakesABrokersPlaceOnlyWhenItsConnectionBroke) {
  add_broker(1);
  const auto error = [&] { return protocol::error_code(ask(registration(1)).response.error_code); };
  EXPECT_EQ(error(), ErrorCode::kDuplicateBrokerRegistration);
  controller_.connection_lost(NodeId(1));
  // It was there all the same.
  ask(heartbeat(1));
  EXPECT_EQ(error(), ErrorCode::kDuplicateBrokerRegistration);
  controller_.connection_lost(NodeId(1));
  EXPECT_EQ(error(), ErrorCode::kNone);
}

TEST_F(ControllerTest, CleanRestartOfTheOnlyBrokerKeepsItEligible) {
  add_broker(1);
  create("t");
  const int64_t epoch = broker(1).epoch.value();
  context_.now += seconds(10);
  register_broker(1, epoch);
  ask(heartbeat(1));
  EXPECT_EQ(partition("t").leader, NodeId(1));
  EXPECT_EQ(partition("t").leader_recovery_state, quorum::LeaderRecoveryState::kRecovered);
}

TEST_F(ControllerTest, UncleanRestartOfTheOnlyBrokerIsARecovery) {
  add_broker(1);
  create("t");
  context_.now += seconds(10);
  register_broker(1, -1);
  EXPECT_TRUE(partition("t").elr.empty());
  EXPECT_EQ(partition("t").last_known_elr, std::vector{NodeId(1)});
  ask(heartbeat(1));
  EXPECT_EQ(partition("t").leader, NodeId(1));
  EXPECT_EQ(partition("t").isr, std::vector{NodeId(1)});
  EXPECT_EQ(partition("t").leader_recovery_state, quorum::LeaderRecoveryState::kRecovering);
  EXPECT_TRUE(partition("t").last_known_elr.empty());
}

TEST_F(ControllerTest, ControlledShutdownMovesLeadersFirst) {
  add_broker(1);
  add_broker(2);
  create("t", 4, 2);
  auto request = heartbeat(1);
  request.want_shut_down = true;
  auto reply = ask(request);
  EXPECT_FALSE(reply.response.should_shut_down);
  EXPECT_TRUE(broker(1).in_controlled_shutdown);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(partition("t", i).leader, NodeId(2));
  // Broker 2 has not heard of it yet.
  EXPECT_FALSE(ask(request).response.should_shut_down);
  ask(heartbeat(2));
  reply = ask(request);
  EXPECT_TRUE(reply.response.should_shut_down);
  EXPECT_TRUE(broker(1).fenced);
}

TEST_F(ControllerTest, OnlyBrokerMayShutDownAtOnceWhenItLeadsNothing) {
  add_broker(1);
  auto request = heartbeat(1);
  request.want_shut_down = true;
  EXPECT_TRUE(ask(request).response.should_shut_down);
}

TEST_F(ControllerTest, StaleBrokerEpochIsRefused) {
  add_broker(1);
  auto request = heartbeat(1);
  ++request.broker_epoch;
  EXPECT_EQ(ask(request).response.error_code, code(ErrorCode::kStaleBrokerEpoch));
  protocol::AllocateProducerIdsRequest ids{.broker_id = 1, .broker_epoch = 12345};
  EXPECT_EQ(ask(ids).response.error_code, code(ErrorCode::kStaleBrokerEpoch));
}

TEST_F(ControllerTest, OfflineDirectoryCostsItsLeadership) {
  add_broker(1);
  create("t");
  auto request = heartbeat(1);
  request.offline_log_dirs = broker(1).directories;
  ask(request);
  EXPECT_EQ(partition("t").leader, kNoNode);
}

TEST_F(ControllerTest, UnregisteredBrokerIsGone) {
  add_broker(1);
  EXPECT_EQ(ask(protocol::UnregisterBrokerRequest{.broker_id = 7}).response.error_code,
            code(ErrorCode::kBrokerIdNotRegistered));
  EXPECT_EQ(ask(protocol::UnregisterBrokerRequest{.broker_id = 1}).response.error_code, 0);
  EXPECT_EQ(controller_.image().broker(NodeId(1)), nullptr);
}

TEST_F(ControllerTest, ProducerIdsComeInBlocksOfAThousand) {
  add_broker(1);
  const protocol::AllocateProducerIdsRequest request{.broker_id = 1, .broker_epoch = broker(1).epoch.value()};
  EXPECT_EQ(ask(request).response.producer_id_start, 0);
  const auto second = ask(request);
  EXPECT_EQ(second.response.producer_id_start, 1000);
  EXPECT_EQ(second.response.producer_id_len, 1000);
}

// ------------------------------------------------------------------------------------------------------------ features

protocol::UpdateFeaturesRequest feature_update(std::string_view feature, int16_t level, int8_t type = 1) {
  protocol::UpdateFeaturesRequest request;
  request.feature_updates.push_back({feature, level, false, type});
  return request;
}

TEST_F(ControllerTest, FeaturesGoUpAndDownAsAsked) {
  add_broker(1);
  EXPECT_EQ(ask(feature_update("group.version", 0, 2)).response.error_code, 0);
  EXPECT_EQ(controller_.image().feature_level("group.version"), 0);
  EXPECT_EQ(ask(feature_update("group.version", 1)).response.error_code, 0);
  EXPECT_EQ(controller_.image().feature_level("group.version"), 1);
}

protocol::ControllerRegistrationRequest controller_registration(int32_t id, int16_t group_version_max) {
  protocol::ControllerRegistrationRequest request;
  request.controller_id = id;
  request.incarnation_id = Uuid(7, static_cast<uint64_t>(id));
  request.listeners.push_back({"CONTROLLER", "localhost", 9093, 0});
  request.features.push_back({quorum::kMetadataVersionFeature, 7, 30});
  request.features.push_back({"group.version", 0, group_version_max});
  return request;
}

TEST_F(ControllerTest, ControllersRegisterWithTheirListenersAndFeatures) {
  EXPECT_EQ(ask(controller_registration(2, 1)).response.error_code, 0);
  const auto* registered = controller_.image().controllers.find(NodeId(2));
  ASSERT_NE(registered, nullptr);
  EXPECT_EQ((*registered)->incarnation_id, Uuid(7, 2));
  EXPECT_EQ((*registered)->endpoints, (std::vector<quorum::NodeEndpoint>{{"CONTROLLER", "localhost", 9093, 0}}));
  EXPECT_EQ((*registered)->features.at("group.version").max, 1);
}

TEST_F(ControllerTest, FeatureIsNotRaisedBeyondWhatARegisteredControllerSupports) {
  add_broker(1);
  EXPECT_EQ(ask(feature_update("group.version", 0, 2)).response.error_code, 0);
  EXPECT_EQ(ask(controller_registration(2, 0)).response.error_code, 0);
  EXPECT_EQ(ask(feature_update("group.version", 1)).response.error_code, code(ErrorCode::kInvalidUpdateVersion));
  EXPECT_EQ(controller_.image().feature_level("group.version"), 0);
  EXPECT_EQ(ask(controller_registration(2, 1)).response.error_code, 0);
  EXPECT_EQ(ask(feature_update("group.version", 1)).response.error_code, 0);
}

TEST_F(ControllerTest, SettingsAreThoseOfABrokerOrAControllerThatIsThere) {
  ask(controller_registration(2, 1));
  const auto set = [&](std::string_view node) {
    protocol::IncrementalAlterConfigsRequest request;
    request.resources.push_back({4, node, {{"log.retention.ms", 0, "1"}}});
    return ask(request).response.responses.at(0).error_code;
  };
  EXPECT_EQ(set("2"), 0);
  EXPECT_EQ(set("3"), code(ErrorCode::kBrokerIdNotRegistered));
}

TEST_F(ControllerTest, WrongFeatureUpdatesChangeNothing) {
  add_broker(1);
  const int16_t refused = code(ErrorCode::kInvalidUpdateVersion);
  EXPECT_EQ(ask(feature_update("group.version", 0)).response.error_code, refused) << "a downgrade as an upgrade";
  EXPECT_EQ(ask(feature_update("group.version", 2)).response.error_code, refused);
  EXPECT_EQ(ask(feature_update("no.such.version", 1)).response.error_code, refused);
  EXPECT_EQ(ask(feature_update("group.version", 1, 0)).response.error_code, refused);
  EXPECT_EQ(ask(feature_update("metadata.version", 29, 3)).response.error_code, refused) << "it would lose metadata";
  auto both = feature_update("group.version", 0, 2);
  both.feature_updates.push_back({"share.version", 9, false, 1});
  EXPECT_EQ(ask(both).response.error_code, refused);
  EXPECT_EQ(controller_.image().feature_level("group.version"), 1) << "all or none";
  auto trial = feature_update("group.version", 0, 2);
  trial.validate_only = true;
  EXPECT_EQ(ask(trial).response.error_code, 0);
  EXPECT_EQ(controller_.image().feature_level("group.version"), 1);
}

// As in a cluster whose feature level has risen under it. A rolling upgrade lost its leaders by this.
TEST_F(ControllerTest, BrokerThatRegisteredNoDirectoriesKeepsTheReplicasThatItNamesOneOf) {
  add_broker(1);
  add_broker(2);
  EXPECT_EQ(create("t", 1, 2).error_code, 0);
  Decision<protocol::BrokerHeartbeatResponse> replayed(controller_.image().metadata_version());
  protocol::RegisterBrokerRecord old;
  old.broker_id = 1;
  old.incarnation_id = broker(1).incarnation_id;
  old.broker_epoch = broker(1).epoch.value();
  old.fenced = false;
  replayed.records.add(old);
  take(std::move(replayed));
  protocol::AssignReplicasToDirsRequest request;
  request.broker_id = 1;
  request.broker_epoch = broker(1).epoch.value();
  request.directories.push_back({Uuid(9, 7), {{controller_.image().topic("t")->id, {{0}}}}});
  EXPECT_EQ(ask(request).response.error_code, 0);
  EXPECT_EQ(partition("t").directory_of(NodeId(1)), Uuid(9, 7));
  EXPECT_TRUE(partition("t").is_in_isr(NodeId(1)));
}

}  // namespace
}  // namespace weir::broker::testing
