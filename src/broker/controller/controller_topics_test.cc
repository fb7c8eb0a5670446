#include "broker/controller/controller_fixture.h"
#include "broker/controller/partition_change.h"
#include "broker/controller/topic_creation.h"

namespace weir::broker::testing {
namespace {

using protocol::CreateTopicsRequest;
using protocol::ErrorCode;

class TopicsTest : public ControllerTest {
 protected:
  TopicsTest() { add_broker(1); }

  int16_t error_of(CreateTopicsRequest::CreatableTopic topic) {
    CreateTopicsRequest request;
    request.topics.push_back(std::move(topic));
    return ask(request).response.topics.at(0).error_code;
  }
};

TEST_F(TopicsTest, CreatedTopicIsAnsweredWithItsIdCountsAndSettings) {
  CreateTopicsRequest request;
  request.topics.push_back({"t", 3, 1, {}, {{"retention.ms", "1"}}});
  const auto reply = ask(request);
  const auto& topic = reply.response.topics.at(0);
  EXPECT_EQ(topic.error_code, 0);
  EXPECT_EQ(topic.error_message, std::nullopt);
  EXPECT_EQ(topic.topic_id, controller_.image().topic("t")->id);
  EXPECT_EQ(topic.num_partitions, 3);
  EXPECT_EQ(topic.replication_factor, 1);
  ASSERT_EQ(topic.configs->size(), 1U);
  EXPECT_EQ(topic.configs->at(0).name, "retention.ms");
  EXPECT_TRUE(std::holds_alternative<protocol::TopicRecord>(last_records_[0]));
  EXPECT_TRUE(std::holds_alternative<protocol::ConfigRecord>(last_records_[1]));
  EXPECT_EQ(records<protocol::PartitionRecord>().size(), 3U);
  EXPECT_EQ(partition("t").leader, NodeId(1));
  EXPECT_EQ(partition("t").directories, broker(1).directories);
}

TEST_F(TopicsTest, DefaultsStandForMinusOne) {
  const auto topic = create("t", -1, -1);
  EXPECT_EQ(topic.num_partitions, 1);
  EXPECT_EQ(topic.replication_factor, 1);
}

TEST_F(TopicsTest, WrongTopicsAreRefused) {
  create("taken");
  create("a.b");
  EXPECT_EQ(error_of({"taken", 1, 1, {}, {}}), code(ErrorCode::kTopicAlreadyExists));
  for (const char* name : {"", ".", "..", "a/b", "a b"}) {
    EXPECT_EQ(error_of({name, 1, 1, {}, {}}), code(ErrorCode::kInvalidTopicException)) << name;
  }
  EXPECT_EQ(error_of({std::string_view(std::string(250, 'x')), 1, 1, {}, {}}), code(ErrorCode::kInvalidTopicException));
  EXPECT_EQ(error_of({"a_b", 1, 1, {}, {}}), code(ErrorCode::kInvalidTopicException)) << "a.b is there";
  EXPECT_EQ(error_of({"__cluster_metadata", 1, 1, {}, {}}), code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(error_of({"t", 0, 1, {}, {}}), code(ErrorCode::kInvalidPartitions));
  EXPECT_EQ(error_of({"t", -2, 1, {}, {}}), code(ErrorCode::kInvalidPartitions));
  EXPECT_EQ(error_of({"t", 1, 0, {}, {}}), code(ErrorCode::kInvalidReplicationFactor));
  EXPECT_EQ(error_of({"t", 1, 2, {}, {}}), code(ErrorCode::kInvalidReplicationFactor)) << "there is one broker";
  EXPECT_EQ(error_of({"t", 10001, 1, {}, {}}), code(ErrorCode::kPolicyViolation));
  EXPECT_EQ(error_of({"t", 1, 1, {}, {{"x", "bad"}}}), code(ErrorCode::kInvalidConfig));
  EXPECT_EQ(error_of({"t", 1, 1, {}, {{"x", std::nullopt}}}), code(ErrorCode::kInvalidConfig));
  EXPECT_EQ(error_of({"t", 1, -1, {{0, {1}}}, {}}), code(ErrorCode::kInvalidRequest)) << "counts beside assignments";
  EXPECT_EQ(error_of({"t", -1, 1, {{0, {1}}}, {}}), code(ErrorCode::kInvalidRequest));
  const int16_t bad_assignment = code(ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(error_of({"t", -1, -1, {{0, {}}}, {}}), bad_assignment);
  EXPECT_EQ(error_of({"t", -1, -1, {{0, {2}}}, {}}), bad_assignment);
  EXPECT_EQ(error_of({"t", -1, -1, {{0, {1, 1}}}, {}}), bad_assignment);
  EXPECT_EQ(error_of({"t", -1, -1, {{1, {1}}}, {}}), bad_assignment);
  EXPECT_EQ(error_of({"t", -1, -1, {{0, {1}}, {0, {1}}}, {}}), bad_assignment);
  EXPECT_EQ(controller_.image().topics.size(), 2U);
}

TEST_F(TopicsTest, TopicsOfOneRequestCollideToo) {
  CreateTopicsRequest request;
  for (const char* name : {"x.y", "x_y", "twice", "twice"}) request.topics.push_back({name, 1, 1, {}, {}});
  const auto reply = ask(request);
  ASSERT_EQ(reply.response.topics.size(), 3U);
  EXPECT_EQ(reply.response.topics[0].error_code, 0);
  EXPECT_EQ(reply.response.topics[1].error_code, code(ErrorCode::kInvalidTopicException));
  EXPECT_EQ(reply.response.topics[2].error_code, code(ErrorCode::kInvalidRequest));
}

TEST_F(TopicsTest, ValidateOnlyCreatesNothing) {
  CreateTopicsRequest request;
  request.topics.push_back({"t", 1, 1, {}, {}});
  request.validate_only = true;
  EXPECT_EQ(ask(request).response.topics.at(0).error_code, 0);
  EXPECT_TRUE(last_records_.empty());
}

TEST_F(TopicsTest, ReplicasAreSpreadOverRacksAndLeadersOverBrokers) {
  Controller fresh(options(), rules_, random_);
  for (int32_t id = 2; id <= 6; ++id) {
    auto request = registration(id);
    request.rack = id % 2 == 0 ? "even" : "odd";
    ask(request);
    ask(heartbeat(id));
  }
  create("t", 60, 3);
  std::map<NodeId, int> leaders;
  for (int i = 0; i < 60; ++i) {
    const auto& replicas = partition("t", i).replicas;
    std::set<std::string> racks;
    for (NodeId id : replicas) racks.insert(broker(id.value()).rack.value_or("none"));
    EXPECT_EQ(racks.size(), 3U) << "even, odd, and broker 1 without a rack";
    EXPECT_EQ(std::set(replicas.begin(), replicas.end()).size(), 3U);
    ++leaders[replicas.front()];
  }
  EXPECT_EQ(leaders.size(), 6U);
}

TEST_F(TopicsTest, DeletedTopicsAreGoneByNameAndById) {
  create("a");
  create("b");
  protocol::DeleteTopicsRequest request;
  request.topics.push_back({"a", {}});
  request.topics.push_back({std::nullopt, controller_.image().topic("b")->id});
  const auto reply = ask(request);
  for (const auto& result : reply.response.responses) EXPECT_EQ(result.error_code, 0);
  EXPECT_EQ(reply.response.responses[1].name, "b");
  EXPECT_TRUE(controller_.image().topics.empty());
}

TEST_F(TopicsTest, WrongDeletionsAreRefused) {
  create("a");
  const Uuid id = controller_.image().topic("a")->id;
  const auto error_of_deletion = [&](std::vector<protocol::DeleteTopicsRequest::DeleteTopicState> states) {
    protocol::DeleteTopicsRequest request;
    request.topics = std::move(states);
    const auto reply = ask(request);
    return reply.response.responses.back().error_code;
  };
  EXPECT_EQ(error_of_deletion({{"nope", {}}}), code(ErrorCode::kUnknownTopicOrPartition));
  EXPECT_EQ(error_of_deletion({{std::nullopt, Uuid(4, 4)}}), code(ErrorCode::kUnknownTopicId));
  EXPECT_EQ(error_of_deletion({{"a", id}}), code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(error_of_deletion({{std::nullopt, {}}}), code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(error_of_deletion({{"a", {}}, {"a", {}}}), code(ErrorCode::kInvalidRequest));
  EXPECT_NE(controller_.image().topic("a"), nullptr);
  protocol::DeleteTopicsRequest old;
  old.topic_names = {"a"};
  EXPECT_EQ(ask(old, 5).response.responses.at(0).error_code, 0);
}

TEST_F(TopicsTest, PartitionsAreAddedBehindThoseThatAreThere) {
  create("t", 2);
  const auto grow = [&](std::string_view name, int32_t count, auto assignments) {
    protocol::CreatePartitionsRequest request;
    auto& wanted = request.topics.emplace_back();
    wanted.name = name;
    wanted.count = count;
    wanted.assignments = assignments;
    return ask(request).response.results.at(0).error_code;
  };
  using Assignments = std::optional<std::vector<protocol::CreatePartitionsRequest::CreatePartitionsAssignment>>;
  EXPECT_EQ(grow("t", 4, Assignments()), 0);
  EXPECT_EQ(controller_.image().topic("t")->partitions.size(), 4U);
  EXPECT_EQ(grow("t", 5, Assignments({{{1}}})), 0);
  EXPECT_EQ(grow("t", 5, Assignments()), code(ErrorCode::kInvalidPartitions));
  EXPECT_EQ(grow("t", 1, Assignments()), code(ErrorCode::kInvalidPartitions));
  EXPECT_EQ(grow("nope", 1, Assignments()), code(ErrorCode::kUnknownTopicOrPartition));
  EXPECT_EQ(grow("t", 7, Assignments({{{1}}})), code(ErrorCode::kInvalidReplicaAssignment));
  EXPECT_EQ(grow("t", 6, Assignments({{{3}}})), code(ErrorCode::kInvalidReplicaAssignment));
  EXPECT_EQ(grow("t", 20000, Assignments()), code(ErrorCode::kPolicyViolation));
}

// ------------------------------------------------------------------------------------------------------------ settings

using Alter = protocol::IncrementalAlterConfigsRequest;

class ConfigsTest : public TopicsTest {
 protected:
  ConfigsTest() { create("t"); }
  int16_t alter(int8_t type, std::string_view name, std::vector<Alter::AlterableConfig> edits) {
    Alter request;
    request.resources.push_back({type, name, std::move(edits)});
    return ask(request).response.responses.at(0).error_code;
  }
  const quorum::ConfigEntries& topic_config() {
    return controller_.image().config(quorum::ConfigResourceType::kTopic, "t");
  }
};

TEST_F(ConfigsTest, SettingsAreSetDeletedAppendedAndSubtracted) {
  EXPECT_EQ(alter(2, "t", {{"a", 0, "1"}, {"cleanup.policy", 2, "compact"}}), 0);
  EXPECT_EQ(topic_config(), (quorum::ConfigEntries{{"a", "1"}, {"cleanup.policy", "delete,compact"}}));
  EXPECT_EQ(alter(2, "t", {{"a", 1, std::nullopt}, {"cleanup.policy", 3, "delete"}}), 0);
  EXPECT_EQ(topic_config(), (quorum::ConfigEntries{{"cleanup.policy", "compact"}}));
}

TEST_F(ConfigsTest, WrongChangesAreRefused) {
  EXPECT_EQ(alter(2, "nope", {{"a", 0, "1"}}), code(ErrorCode::kUnknownTopicOrPartition));
  EXPECT_EQ(alter(4, "7", {{"a", 0, "1"}}), code(ErrorCode::kBrokerIdNotRegistered));
  EXPECT_EQ(alter(4, "x", {{"a", 0, "1"}}), code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter(8, "1", {{"a", 0, "1"}}), code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter(32, "", {{"a", 0, "1"}}), code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter(2, "t", {{"a", 9, "1"}}), code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter(2, "t", {{"a", 0, std::nullopt}}), code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter(2, "t", {{"a", 0, "1"}, {"a", 0, "2"}}), code(ErrorCode::kInvalidRequest));
  EXPECT_EQ(alter(2, "t", {{"a", 2, "1"}}), code(ErrorCode::kInvalidConfig)) << "not a list";
  EXPECT_EQ(alter(2, "t", {{"a", 0, "bad"}}), code(ErrorCode::kInvalidConfig));
  EXPECT_EQ(alter(4, "", {{"min.insync.replicas", 1, std::nullopt}}), code(ErrorCode::kInvalidConfig));
  EXPECT_EQ(alter(4, "1", {{"min.insync.replicas", 0, "2"}}), code(ErrorCode::kInvalidConfig));
  EXPECT_TRUE(topic_config().empty());
}

TEST_F(ConfigsTest, NewMinimumOfTheIsrClearsTheElr) {
  EXPECT_EQ(alter(2, "t", {{"min.insync.replicas", 0, "2"}}), 0);
  EXPECT_EQ(records<protocol::ClearElrRecord>().at(0).topic_name, "t");
  EXPECT_EQ(alter(4, "", {{"min.insync.replicas", 0, "2"}}), 0);
  EXPECT_EQ(records<protocol::ClearElrRecord>().at(0).topic_name, "");
}

TEST_F(ConfigsTest, LegacyAlterationReplacesAll) {
  alter(2, "t", {{"a", 0, "1"}, {"b", 0, "2"}});
  protocol::AlterConfigsRequest request;
  request.resources.push_back({2, "t", {{"b", "2"}, {"c", "3"}}});
  EXPECT_EQ(ask(request).response.responses.at(0).error_code, 0);
  EXPECT_EQ(topic_config(), (quorum::ConfigEntries{{"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(records<protocol::ConfigRecord>().size(), 2U) << "b stays as it is";
}

TEST_F(ConfigsTest, ResourceThatIsNamedTwiceIsRefusedOnce) {
  Alter request;
  request.resources.push_back({2, "t", {{"a", 0, "1"}}});
  request.resources.push_back({2, "t", {{"b", 0, "1"}}});
  const auto reply = ask(request);
  ASSERT_EQ(reply.response.responses.size(), 1U);
  EXPECT_EQ(reply.response.responses[0].error_code, code(ErrorCode::kInvalidRequest));
}

// -------------------------------------------------------------------------------------------------- partitions'
// leaders

class IsrTest : public TopicsTest {
 protected:
  IsrTest() {
    add_broker(2);
    add_broker(3);
    CreateTopicsRequest request;
    request.topics.push_back({"t", -1, -1, {{0, {1, 2, 3}}}, {}});
    ask(request);
  }
  protocol::AlterPartitionRequest shrink_to(std::vector<int32_t> isr) {
    protocol::AlterPartitionRequest request;
    request.broker_id = 1;
    request.broker_epoch = broker(1).epoch.value();
    protocol::AlterPartitionRequest::PartitionData data;
    data.leader_epoch = partition("t").leader_epoch.value();
    data.partition_epoch = partition("t").partition_epoch.value();
    for (int32_t id : isr) data.new_isr_with_epochs.push_back({id, broker(id).epoch.value()});
    request.topics.push_back({controller_.image().topic("t")->id, {data}});
    return request;
  }
  int16_t alter(const protocol::AlterPartitionRequest& request) {
    return ask(request).response.topics.at(0).partitions.at(0).error_code;
  }
  void advance(Duration time) {
    context_.now += time;
    for (int32_t id : {1, 2, 3}) ask(heartbeat(id));
  }
  // The first broker, which is to lead, was away for a while and is in sync again.
  void lead_by_second() {
    context_.now += seconds(8);
    ask(heartbeat(2));
    ask(heartbeat(3));
    context_.now += seconds(2);
    take(controller_.tick(context_));
    EXPECT_EQ(partition("t").leader, NodeId(2));
    ask(heartbeat(1));
    auto request = shrink_to({1, 2, 3});
    request.broker_id = 2;
    request.broker_epoch = broker(2).epoch.value();
    EXPECT_EQ(alter(request), 0);
  }
};

TEST_F(IsrTest, PreferredLeadersGetTheirPartitionsBackInTime) {
  lead_by_second();
  EXPECT_LE(controller_.next_tick(), context_.now + seconds(300));
  for (int i = 0; i < 35; ++i) {
    advance(seconds(8));
    take(controller_.tick(context_));
  }
  EXPECT_EQ(partition("t").leader, NodeId(2)) << "not before the interval has passed";
  for (int i = 0; i < 3; ++i) {
    advance(seconds(8));
    take(controller_.tick(context_));
  }
  EXPECT_EQ(partition("t").leader, NodeId(1));
}

TEST_F(IsrTest, LeaderShrinksAndGrowsTheIsrWithoutANewLeaderEpoch) {
  EXPECT_EQ(alter(shrink_to({1})), 0);
  EXPECT_EQ(partition("t").isr, std::vector{NodeId(1)});
  EXPECT_EQ(partition("t").leader_epoch, LeaderEpoch(0));
  EXPECT_EQ(partition("t").partition_epoch, quorum::PartitionEpoch(1));
  EXPECT_EQ(alter(shrink_to({1, 2})), 0);
  EXPECT_EQ(partition("t").isr, (std::vector{NodeId(1), NodeId(2)}));
}

TEST_F(IsrTest, WrongIsrChangesAreRefused) {
  const auto refused = [&](auto change) {
    auto request = shrink_to({1, 2});
    change(request, request.topics[0].partitions[0]);
    const auto reply = ask(request);
    const auto& response = reply.response;
    return protocol::error_code(response.error_code != 0 ? response.error_code
                                                         : response.topics.at(0).partitions.at(0).error_code);
  };
  EXPECT_EQ(refused([](auto& r, auto&) { ++r.broker_epoch; }), ErrorCode::kStaleBrokerEpoch);
  EXPECT_EQ(refused([](auto& r, auto&) { r.topics[0].topic_id = Uuid(3, 3); }), ErrorCode::kUnknownTopicId);
  EXPECT_EQ(refused([](auto&, auto& p) { p.partition_index = 5; }), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(refused([](auto&, auto& p) { ++p.leader_epoch; }), ErrorCode::kNotController);
  EXPECT_EQ(refused([](auto&, auto& p) { ++p.partition_epoch; }), ErrorCode::kNotController);
  EXPECT_EQ(refused([](auto&, auto& p) { --p.leader_epoch; }), ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(refused([](auto&, auto& p) { --p.partition_epoch; }), ErrorCode::kInvalidUpdateVersion);
  EXPECT_EQ(refused([](auto&, auto& p) { p.new_isr_with_epochs[0].broker_id = 3; }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(refused([](auto&, auto& p) { p.new_isr_with_epochs[1].broker_id = 9; }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(refused([](auto&, auto& p) { p.leader_recovery_state = 1; }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(refused([](auto&, auto& p) { ++p.new_isr_with_epochs[1].broker_epoch; }), ErrorCode::kIneligibleReplica);
  EXPECT_EQ(refused([&](auto& r, auto&) {
              r.broker_id = 2;
              r.broker_epoch = broker(2).epoch.value();
            }),
            ErrorCode::kInvalidRequest);
}

TEST_F(IsrTest, PreferredLeaderTakesOverWhenAsked) {
  lead_by_second();
  protocol::ElectLeadersRequest request;
  request.topic_partitions->push_back({"t", {0, 7}});
  const auto reply = ask(request);
  const auto& results = reply.response.replica_election_results.at(0).partition_result;
  EXPECT_EQ(results[0].error_code, 0);
  EXPECT_EQ(results[1].error_code, code(ErrorCode::kUnknownTopicOrPartition));
  EXPECT_EQ(partition("t").leader, NodeId(1));
  EXPECT_EQ(ask(request).response.replica_election_results.at(0).partition_result.at(0).error_code,
            code(ErrorCode::kElectionNotNeeded));
  request.topic_partitions.reset();
  const auto all = ask(request);
  ASSERT_EQ(all.response.replica_election_results.size(), 1U);
  EXPECT_TRUE(all.response.replica_election_results[0].partition_result.empty()) << "none needs an election";
}

TEST_F(IsrTest, BrokerSaysWhereItsReplicaLives) {
  protocol::AssignReplicasToDirsRequest request;
  request.broker_id = 2;
  request.broker_epoch = broker(2).epoch.value();
  const Uuid topic = controller_.image().topic("t")->id;
  request.directories.push_back({broker(2).directories[0], {{topic, {{0}, {4}}}, {Uuid(3, 3), {{0}}}}});
  const auto reply = ask(request);
  const auto& topics = reply.response.directories.at(0).topics;
  EXPECT_EQ(topics[0].partitions[0].error_code, 0);
  EXPECT_EQ(topics[0].partitions[1].error_code, code(ErrorCode::kUnknownTopicOrPartition));
  EXPECT_EQ(topics[1].partitions[0].error_code, code(ErrorCode::kUnknownTopicId));
  request.directories[0].id = quorum::kLostDirectory;
  ask(request);
  EXPECT_EQ(partition("t").directory_of(NodeId(2)), quorum::kLostDirectory);
  EXPECT_FALSE(partition("t").is_in_isr(NodeId(2)));
}

// ------------------------------------------------------------------------------------------------ the change of a
// partition

quorum::PartitionImage three_replicas() {
  quorum::PartitionImage partition;
  partition.replicas = {NodeId(1), NodeId(2), NodeId(3)};
  partition.isr = partition.replicas;
  partition.directories.resize(3, quorum::kUnassignedDirectory);
  partition.leader = NodeId(1);
  return partition;
}

TEST(PartitionChange, IsrKeepsItsLastMemberWithoutElr) {
  auto before = three_replicas();
  before.isr = {NodeId(1)};
  PartitionChangeInput input({}, PartitionIndex(0), before);
  input.can_lead = [](NodeId) { return false; };
  input.target_isr = {};
  const auto record = decide_partition_change(input);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->leader, -1);
  EXPECT_FALSE(record->isr);
}

TEST(PartitionChange, MembersThatLeaveATooSmallIsrStayEligible) {
  auto before = three_replicas();
  PartitionChangeInput input({}, PartitionIndex(0), before);
  input.elr_enabled = true;
  input.min_insync_replicas = 2;
  input.can_lead = [](NodeId id) { return id == NodeId(3); };
  input.target_isr = {NodeId(3)};
  input.unclean_shutdown = {NodeId(2)};
  const auto record = decide_partition_change(input);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->leader, 3);
  EXPECT_EQ(record->isr, std::vector<int32_t>{3});
  EXPECT_EQ(record->eligible_leader_replicas, std::vector<int32_t>{1}) << "2 may have lost records";
}

TEST(PartitionChange, EligibleReplicaLeadsWhenTheIsrIsEmpty) {
  auto before = three_replicas();
  before.isr = {};
  before.leader = kNoNode;
  before.elr = {NodeId(2), NodeId(3)};
  PartitionChangeInput input({}, PartitionIndex(0), before);
  input.elr_enabled = true;
  input.min_insync_replicas = 2;
  input.can_lead = [](NodeId id) { return id == NodeId(3); };
  const auto record = decide_partition_change(input);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->leader, 3);
  EXPECT_EQ(record->isr, std::vector<int32_t>{3});
  EXPECT_EQ(record->eligible_leader_replicas, std::vector<int32_t>{2});
  EXPECT_EQ(record->leader_recovery_state, -1);
}

TEST(PartitionChange, UncleanElectionOnlyWhereItIsAllowed) {
  auto before = three_replicas();
  before.isr = {NodeId(1)};
  PartitionChangeInput input({}, PartitionIndex(0), before);
  input.can_lead = [](NodeId id) { return id == NodeId(3); };
  EXPECT_EQ(decide_partition_change(input)->leader, -1);
  input.election = Election::kUnclean;
  const auto record = decide_partition_change(input);
  EXPECT_EQ(record->leader, 3);
  EXPECT_EQ(record->isr, std::vector<int32_t>{3});
  EXPECT_EQ(record->leader_recovery_state, 1);
}

TEST(PartitionChange, CompletedReassignmentDropsTheOldReplicas) {
  auto before = three_replicas();
  before.adding_replicas = {NodeId(3)};
  before.removing_replicas = {NodeId(1)};
  PartitionChangeInput input({}, PartitionIndex(0), before);
  input.can_lead = [](NodeId) { return true; };
  const auto record = decide_partition_change(input);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->replicas, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(record->leader, 2);
  EXPECT_EQ(record->adding_replicas, std::vector<int32_t>{});
}

TEST(PartitionChange, NothingToChangeIsNoRecord) {
  auto before = three_replicas();
  PartitionChangeInput input({}, PartitionIndex(0), before);
  input.can_lead = [](NodeId) { return true; };
  EXPECT_FALSE(decide_partition_change(input));
}

TEST(PartitionChange, IsrShrinkBeganAnEpochBefore36) {
  auto before = three_replicas();
  PartitionChangeInput input({}, PartitionIndex(0), before);
  input.can_lead = [](NodeId) { return true; };
  input.target_isr = {NodeId(1)};
  EXPECT_EQ(decide_partition_change(input)->leader, -2);
  input.version = quorum::MetadataVersion(11);
  EXPECT_EQ(decide_partition_change(input)->leader, 1);
}

TEST_F(TopicsTest, BrokerWithAllItsDirectoriesCordonedGetsNoNewReplicas) {
  add_broker(2);
  auto request = heartbeat(1);
  request.cordoned_log_dirs = broker(1).directories;
  ask(request);
  ASSERT_EQ(create("elsewhere", 5).error_code, 0);
  for (const auto& record : records<protocol::PartitionRecord>()) EXPECT_EQ(record.replicas, std::vector<int32_t>{2});
  EXPECT_EQ(create("both", 1, 2).error_code, code(ErrorCode::kInvalidReplicationFactor));
  request = heartbeat(2);
  request.cordoned_log_dirs = broker(2).directories;
  ask(request);
  EXPECT_EQ(create("nowhere").error_code, code(ErrorCode::kInvalidReplicationFactor));
}

}  // namespace
}  // namespace weir::broker::testing
