#include "broker/group/consumer_assignors.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "broker/group/group_world.h"

namespace weir::broker {
namespace {

const Uuid kA(1, 1), kB(1, 2), kC(1, 3);

struct Group {
  std::map<Uuid, int32_t> topics;
  std::map<std::string, std::vector<Uuid>> members;  // id and topics
  std::map<std::string, std::string> instances;
  std::map<std::string, PartitionSets> current;
  bool homogeneous = true;

  void assign(Assignor assignor) {
    AssignorInput input;
    input.homogeneous = homogeneous;
    input.partition_counts = topics;
    for (const auto& [id, read] : members) {
      auto& member = input.members.emplace_back();
      member.id = id;
      if (instances.contains(id)) member.instance_id = instances.at(id);
      member.topics = read;
      member.current = &current[id];
    }
    const std::vector<PartitionSets> result = assignor(input);
    std::map<std::string, PartitionSets> next;
    for (size_t i = 0; i < result.size(); ++i) next[std::string(input.members[i].id)] = result[i];
    current = next;
  }
  size_t load(const std::string& id) {
    size_t load = 0;
    for (const auto& [topic, partitions] : current[id]) load += partitions.size();
    return load;
  }
  // Every partition of every topic that is read belongs to one of its readers.
  void check() {
    std::map<std::pair<Uuid, int32_t>, std::string> owners;
    for (const auto& [id, partitions] : current) {
      for (const auto& [topic, indexes] : partitions) {
        EXPECT_TRUE(std::ranges::count(members.at(id), topic)) << id;
        for (const int32_t i : indexes) {
          EXPECT_LT(i, topics.at(topic));
          EXPECT_TRUE(owners.emplace(std::pair(topic, i), id).second) << "two owners";
        }
      }
    }
    size_t wanted = 0;
    for (const auto& [topic, size] : topics) {
      const bool read =
          std::ranges::any_of(members, [&](const auto& m) { return std::ranges::count(m.second, topic) > 0; });
      if (read) wanted += static_cast<size_t>(size);
    }
    EXPECT_EQ(owners.size(), wanted);
  }
};

size_t moved(const std::map<std::string, PartitionSets>& before, std::map<std::string, PartitionSets>& after) {
  size_t moved = 0;
  for (const auto& [id, partitions] : before) {
    if (!after.contains(id)) continue;
    for (const auto& [topic, indexes] : partitions) {
      for (const int32_t i : indexes) moved += after[id][topic].contains(i) ? 0 : 1;
    }
  }
  return moved;
}

TEST(UniformAssignor, GivesEachMemberAsMuchAsTheOthersOrOneMore) {
  Group group{.topics = {{kA, 3}, {kB, 4}}, .members = {{"a", {kA, kB}}, {"b", {kA, kB}}, {"c", {kA, kB}}}};
  group.assign(&assign_uniform);
  group.check();
  EXPECT_EQ(group.load("a"), 2U);
  EXPECT_EQ(group.load("b"), 2U);
  EXPECT_EQ(group.load("c"), 3U) << "the last ones take what is left, as with Kafka";
}

TEST(UniformAssignor, MovesNoMoreThanANewcomerNeeds) {
  Group group{.topics = {{kA, 12}}, .members = {{"a", {kA}}, {"b", {kA}}, {"c", {kA}}}};
  group.assign(&assign_uniform);
  const auto before = group.current;
  group.members["d"] = {kA};
  group.assign(&assign_uniform);
  group.check();
  EXPECT_EQ(group.load("d"), 3U);
  EXPECT_EQ(moved(before, group.current), 3U);
}

TEST(UniformAssignor, TakesTopicsAwayThatAreNotReadAnyMore) {
  Group group{.topics = {{kA, 2}, {kB, 2}}, .members = {{"a", {kA, kB}}}};
  group.assign(&assign_uniform);
  group.topics.erase(kB);
  group.members["a"] = {kA};
  group.assign(&assign_uniform);
  group.check();
  EXPECT_EQ(group.current["a"], (PartitionSets{{kA, {0, 1}}}));
}

TEST(UniformAssignor, MembersThatReadDifferentTopicsAreBalancedAsFarAsTheyOverlap) {
  Group group{.topics = {{kA, 6}, {kB, 6}, {kC, 2}},
              .members = {{"a", {kA}}, {"b", {kA, kB}}, {"c", {kB, kC}}},
              .homogeneous = false};
  group.assign(&assign_uniform);
  group.check();
  EXPECT_EQ(group.load("a"), 4U);
  EXPECT_EQ(group.load("b"), 5U);
  EXPECT_EQ(group.load("c"), 5U);
}

TEST(RangeAssignor, CutsTopicsWithTheSameMembersAlike) {
  Group group{.topics = {{kA, 5}, {kB, 5}}, .members = {{"a", {kA, kB}}, {"b", {kA, kB}}}};
  group.assign(&assign_range);
  group.check();
  EXPECT_EQ(group.current["a"], (PartitionSets{{kA, {0, 1, 2}}, {kB, {0, 1, 2}}}));
  EXPECT_EQ(group.current["b"], (PartitionSets{{kA, {3, 4}}, {kB, {3, 4}}}));
}

TEST(RangeAssignor, StaticMembersKeepTheirRangeUnderAnotherId) {
  Group group{.topics = {{kA, 4}}, .members = {{"x", {kA}}, {"y", {kA}}}, .instances = {{"x", "one"}, {"y", "two"}}};
  group.assign(&assign_range);
  group.members = {{"y", {kA}}, {"z", {kA}}};
  group.instances = {{"z", "one"}, {"y", "two"}};
  group.current.clear();
  group.assign(&assign_range);
  EXPECT_EQ(group.current["z"], (PartitionSets{{kA, {0, 1}}}));
}

// Whatever comes and goes: all is assigned, to readers, once; members that read the same differ by one at most; and a
// second run changes nothing.
TEST(Assignors, AssignEverythingToOneReaderWhateverHappened) {
  const char* given = std::getenv("WEIR_SEED");
  const uint64_t first = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  for (uint64_t seed = first; seed <= (given == nullptr ? 100 : first); ++seed) {
    SCOPED_TRACE("WEIR_SEED=" + std::to_string(seed));
    TestRandom dice(seed);
    const std::vector<Uuid> all = {kA, kB, kC};
    Group group;
    group.homogeneous = dice.below(2) == 0;
    for (const Uuid& topic : all) group.topics[topic] = 1 + static_cast<int32_t>(dice.below(20));
    for (int round = 0; round < 10; ++round) {
      const std::string id = "m" + std::to_string(dice.below(6));
      std::vector<Uuid> read;
      for (const Uuid& topic : all) {
        if (group.homogeneous || dice.below(2) == 0) read.push_back(topic);
      }
      if (dice.below(3) == 0 && group.members.size() > 1) {
        group.members.erase(id);
        group.current.erase(id);
      } else {
        group.members[id] = read;
      }
      if (group.members.empty()) continue;
      group.topics[all[dice.below(3)]] += static_cast<int32_t>(dice.below(3));
      group.assign(&assign_uniform);
      group.check();
      const auto once = group.current;
      group.assign(&assign_uniform);
      EXPECT_EQ(moved(once, group.current), 0U);
      if (!group.homogeneous) continue;
      size_t least = SIZE_MAX;
      size_t most = 0;
      for (const auto& [member, topics] : group.members) {
        least = std::min(least, group.load(member));
        most = std::max(most, group.load(member));
      }
      EXPECT_LE(most - least, 1U);
    }
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace weir::broker
