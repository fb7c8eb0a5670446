#include "quorum/persistent_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace weir::quorum {
namespace {

using Map = PersistentMap<int, std::string>;

std::map<int, std::string> contents(const Map& map) { return {map.begin(), map.end()}; }

TEST(PersistentMap, HoldsWhatAnOrdinaryMapHoldsThroughRandomChanges) {
  std::mt19937 random(7);
  Map map;
  std::map<int, std::string> model;
  for (int step = 0; step < 20000; ++step) {
    const int key = static_cast<int>(random() % 500);
    if (random() % 3 == 0) {
      map.erase(key);
      model.erase(key);
    } else {
      map.set(key, std::to_string(step));
      model[key] = std::to_string(step);
    }
    ASSERT_EQ(map.size(), model.size());
  }
  EXPECT_EQ(contents(map), model);
  for (int key = 0; key < 500; ++key) {
    const auto* found = map.find(key);
    ASSERT_EQ(found != nullptr, model.contains(key)) << key;
    if (found != nullptr) {
      EXPECT_EQ(*found, model[key]);
    }
  }
}

TEST(PersistentMap, CopiesDoNotSeeLaterChanges) {
  Map map;
  std::vector<std::pair<Map, std::map<int, std::string>>> copies;
  std::map<int, std::string> model;
  std::mt19937 random(3);
  for (int step = 0; step < 300; ++step) {
    const int key = static_cast<int>(random() % 40);
    if (step % 4 == 3) {
      map.erase(key);
      model.erase(key);
    } else {
      map.set(key, std::to_string(step));
      model[key] = std::to_string(step);
    }
    copies.emplace_back(map, model);
  }
  for (const auto& [copy, expected] : copies) EXPECT_EQ(contents(copy), expected);
}

TEST(PersistentMap, AscendingInsertionsStayBalanced) {
  // A list of 100000 nodes would take minutes for this, and its destruction the stack.
  Map map;
  for (int key = 0; key < 100000; ++key) map.set(key, "x");
  EXPECT_EQ(map.size(), 100000U);
  for (int key = 0; key < 100000; key += 2) map.erase(key);
  EXPECT_EQ(map.size(), 50000U);
  EXPECT_EQ(map.begin()->first, 1);
}

TEST(PersistentMap, LowerBoundIsTheFirstKeyThatIsNotLess) {
  Map map;
  for (int key = 0; key < 100; key += 10) map.set(key, std::to_string(key));
  EXPECT_EQ(map.lower_bound(-5)->first, 0);
  EXPECT_EQ(map.lower_bound(30)->first, 30);
  EXPECT_EQ(map.lower_bound(31)->first, 40);
  EXPECT_EQ(map.lower_bound(91), map.end());
  std::vector<int> keys;
  for (auto at = map.lower_bound(65); at != map.end(); ++at) keys.push_back(at->first);
  EXPECT_EQ(keys, (std::vector{70, 80, 90}));
}

TEST(PersistentMap, ErasingWhatIsNotThereSharesEverything) {
  Map map;
  map.set(1, "a");
  const Map before = map;
  map.erase(2);
  EXPECT_EQ(map.find(1), before.find(1));
}

TEST(PersistentMap, MapsAreEqualByContentHoweverTheyWereMade) {
  Map up;
  Map down;
  for (int key = 0; key < 50; ++key) up.set(key, "v");
  for (int key = 49; key >= 0; --key) down.set(key, "v");
  EXPECT_EQ(up, down);
  down.set(7, "w");
  EXPECT_NE(up, down);
}

}  // namespace
}  // namespace weir::quorum
