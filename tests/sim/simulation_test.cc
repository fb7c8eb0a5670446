#include "sim/simulation.h"

#include <gtest/gtest.h>

#include "base/seams.h"
#include "sim/loop.h"
#include "sim/machine.h"

namespace weir::sim {
namespace {

// A machine with two loops whose tasks sleep, post to each other and draw numbers: what they do shows in the trace.
class Chatter {
 public:
  explicit Chatter(uint64_t seed) : simulation(seed), fabric(simulation), machine(simulation, fabric, "a") {
    machine.start(2);
    for (size_t i = 0; i < 2; ++i) {
      machine.loop(i).run_inside([&] { machine.loop(i).spawn(talk(i)); });
    }
  }

  Task<void> talk(size_t self) {
    for (int i = 0; i < 20; ++i) {
      co_await sleep_for(microseconds(simulation.random().below(100)));
      const uint32_t shard = co_await call_on(machine.loop(1 - self),
                                              []() -> Task<uint32_t> { co_return Loop::current().shard().value(); });
      simulation.trace("loop {} heard {}", self, shard);
    }
  }

  Simulation simulation;
  Fabric fabric;
  Machine machine;
};

uint64_t hash_of_run(uint64_t seed) {
  Chatter chatter(seed);
  chatter.simulation.run_for(seconds(1));
  return chatter.simulation.trace_hash();
}

TEST(Simulation, SameSeedGivesTheSameRun) {
  for (uint64_t seed = 1; seed <= 5; ++seed) EXPECT_EQ(hash_of_run(seed), hash_of_run(seed));
}

TEST(Simulation, DifferentSeedsGiveDifferentRuns) { EXPECT_NE(hash_of_run(1), hash_of_run(2)); }

TEST(Simulation, TimeStandsStillWhileNothingHappensAndThenJumps) {
  Simulation simulation(1);
  Duration seen{0};
  simulation.after(std::chrono::hours(5), kWorld, [&] { seen = simulation.now(); });
  EXPECT_TRUE(simulation.step());
  EXPECT_EQ(seen, std::chrono::hours(5));
  EXPECT_FALSE(simulation.step());
}

TEST(Simulation, WorksOfOneTimeRunInTheOrderInWhichTheyWereGiven) {
  Simulation simulation(1);
  std::vector<int> order;
  for (int i = 0; i < 10; ++i) simulation.after(seconds(1), kWorld, [&order, i] { order.push_back(i); });
  while (simulation.step()) {
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(Simulation, DroppedEventsOfAnOwnerDoNotRun) {
  Simulation simulation(1);
  const Owner owner = simulation.new_owner();
  int ran = 0;
  simulation.after(seconds(1), owner, [&] { ran += 100; });
  simulation.after(seconds(1), kWorld, [&] { ran += 1; });
  simulation.drop_events(owner);
  while (simulation.step()) {
  }
  EXPECT_EQ(ran, 1);
}

TEST(Simulation, FirstFailureEndsTheRunAndIsKept) {
  Simulation simulation(1);
  simulation.after(seconds(1), kWorld, [&] { simulation.fail("First", "one"); });
  simulation.after(seconds(2), kWorld, [&] { simulation.fail("Second", "two"); });
  EXPECT_FALSE(simulation.run_until([] { return false; }, seconds(10)));
  EXPECT_EQ(simulation.failure(), "First: one");
  EXPECT_EQ(simulation.now(), seconds(1));
}

TEST(Simulation, ChecksRunAfterEachStep) {
  Simulation simulation(1);
  int checks = 0;
  simulation.after_each_step([&] { ++checks; });
  for (int i = 0; i < 3; ++i) simulation.after(seconds(i), kWorld, [] {});
  while (simulation.step()) {
  }
  EXPECT_EQ(checks, 3);
}

TEST(SimLoop, WorksOfOnePosterRunInTheirOrderAndThoseOfSeveralInterleave) {
  bool interleaved = false;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Simulation simulation(seed);
    Fabric fabric(simulation);
    Machine machine(simulation, fabric, "a");
    machine.start(3);
    std::vector<int> order;
    for (int poster = 1; poster <= 2; ++poster) {
      machine.loop(static_cast<size_t>(poster)).run_inside([&] {
        for (int i = 0; i < 5; ++i) machine.loop(0).post([&order, poster, i] { order.push_back(poster * 10 + i); });
      });
    }
    simulation.run_for(seconds(1));
    ASSERT_EQ(order.size(), 10u);
    auto of_first = order;
    std::erase_if(of_first, [](int value) { return value >= 20; });
    EXPECT_TRUE(std::ranges::is_sorted(of_first));
    interleaved |= !std::ranges::is_sorted(order);
  }
  EXPECT_TRUE(interleaved);
}

TEST(SimLoop, TimersFireAtTheirTimeOnTheMachinesOwnClock) {
  Simulation simulation(7);
  Fabric fabric(simulation);
  Machine first(simulation, fabric, "a"), second(simulation, fabric, "b");
  EXPECT_NE(first.clock().monotonic(), second.clock().monotonic());
  for (Machine* machine : {&first, &second}) {
    machine->start(1);
    machine->loop(0).run_inside([&] {
      machine->loop(0).spawn([](Simulation& world, Machine& own) -> Task<void> {
        const MonotonicTime before = own.clock().monotonic();
        co_await sleep_for(seconds(3));
        EXPECT_GE(own.clock().monotonic() - before, seconds(3));
        EXPECT_GE(world.now(), seconds(3));
        EXPECT_EQ(Loop::current().now(), own.clock().monotonic());
        world.trace("{} woke", own.host());
      }(simulation, *machine));
    });
  }
  simulation.run_for(seconds(10));
}

TEST(SimClock, WallClockJumpsAndTheMonotonicOneDoesNot) {
  Simulation simulation(1);
  SimClock clock(simulation, seconds(1), milliseconds(5));
  const Timestamp wall = clock.wall();
  const MonotonicTime monotonic = clock.monotonic();
  clock.jump_wall(-seconds(60));
  EXPECT_EQ(clock.wall() - wall, -60'000);
  EXPECT_EQ(clock.monotonic(), monotonic);
}

TEST(SimRandom, CoversItsRangeAndRepeats) {
  SimRandom first(9), second(9);
  std::vector<int> seen(10);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t value = first.between(5, 14);
    EXPECT_EQ(value, second.between(5, 14));
    ++seen[value - 5];
  }
  for (int count : seen) EXPECT_GT(count, 50);
}

TEST(SimDiskThreads, WorkRunsOffTheLoopsLaterAndInAnyOrder) {
  bool reordered = false;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Simulation simulation(seed);
    Fabric fabric(simulation);
    Machine machine(simulation, fabric, "a");
    machine.start(1);
    std::vector<int> order;
    machine.loop(0).run_inside([&] {
      for (int i = 0; i < 5; ++i) {
        machine.disk_threads().submit(
            [&order, i] {
              EXPECT_EQ(Loop::current_or_null(), nullptr);
              order.push_back(i);
            },
            DiskWork::kOther);
      }
    });
    EXPECT_TRUE(order.empty());
    simulation.run_for(seconds(1));
    EXPECT_EQ(order.size(), 5u);
    reordered |= !std::ranges::is_sorted(order);
  }
  EXPECT_TRUE(reordered);
}

TEST(Machine, CrashDestroysTasksPartsAndPendingDiskWork) {
  Simulation simulation(3);
  Fabric fabric(simulation);
  Machine machine(simulation, fabric, "a");
  machine.start(2);
  auto marker = std::make_shared<int>(0);
  machine.keep(marker);
  machine.loop(1).run_inside([&] {
    machine.loop(1).spawn([](std::shared_ptr<int> held) -> Task<void> {
      co_await sleep_for(seconds(1));
      *held = 1;
    }(marker));
  });
  machine.loop(0).post([marker] { *marker = 2; });
  machine.disk_threads().submit([marker] { *marker = 3; }, DiskWork::kOther);
  EXPECT_EQ(marker.use_count(), 5);
  machine.kill();
  EXPECT_EQ(marker.use_count(), 1);
  machine.start(1);
  simulation.run_for(seconds(5));
  EXPECT_EQ(*marker, 0);
}

}  // namespace
}  // namespace weir::sim
