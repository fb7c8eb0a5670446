// What a node does by the clock, with disk threads that do nothing until the test lets them.
#include "broker/maintenance.h"

#include <deque>

#include "base/sync.h"
#include "base/test_loop.h"
#include "broker/config/broker_config.h"
#include "sim/disk.h"
#include "storage/log_directory.h"

namespace weir::broker {
namespace {

class HeldDiskThreads final : public DiskThreads {
 public:
  void submit(Work work, DiskWork /*kind*/) override { held_.push_back(std::move(work)); }
  [[nodiscard]] size_t held() const { return held_.size(); }
  void do_first() {
    Work work = std::move(held_.front());
    held_.pop_front();
    work();
  }

 private:
  std::deque<Work> held_;
};

class MaintenanceTest : public LoopTest {
 protected:
  MaintenanceTest() {
    CHECK(disk_.create_directories("data"));
    CHECK(storage::LogDirectory::write_meta_properties(disk_, "data", {.cluster_id = "c", .node_id = NodeId(1)}));
    CHECK(dirs_.open());
  }
  Task<void> write() {
    EXPECT_TRUE((co_await maintenance_.write_checkpoints(Checkpoints::kHighWatermarks)).has_value());
    ++written_;
  }
  Task<void> until_written(int count) {
    while (written_ < count) co_await sleep_for(milliseconds(1));
  }

  // Lets everybody go as far as they can: some steps of the loop, and they need fewer.
  static Task<void> settle() {
    for (int step = 0; step < 20; ++step) co_await Yield();
  }
  Task<void> write_twice() {
    loop_.spawn(write());
    loop_.spawn(write());
    co_await settle();
    EXPECT_EQ(held_threads_.held(), 1U);
    held_threads_.do_first();
    co_await until_written(1);
    co_await settle();
    EXPECT_EQ(held_threads_.held(), 1U);
    held_threads_.do_first();
    co_await until_written(2);
  }

  sim::Simulation simulation_{1};
  sim::SimClock sim_clock_{simulation_, seconds(0), seconds(0)};
  sim::SimDisk disk_{simulation_, sim_clock_};
  HeldDiskThreads held_threads_;
  BrokerConfig config_ = BrokerConfig::make(default_settings(), "localhost").value();
  NodeContext context_{
      .config = config_, .seams = Seams{clock_, random_, disk_, held_threads_, network_}, .node_id = NodeId(1)};
  LogDirs dirs_{context_, loop_, {"data"}, "data"};
  Maintenance maintenance_{context_};
  int written_ = 0;
};

// The last checkpoints of a node that stopped met those of its clock: two disk threads wrote one temporary file, one of
// them found it gone when it was to be renamed, and the node was not marked as stopped cleanly.
TEST_F(MaintenanceTest, WritesOneSetOfCheckpointsAtATime) {
  context_.log_dirs = &dirs_;
  run(write_twice());
  EXPECT_EQ(held_threads_.held(), 0U);
}

}  // namespace
}  // namespace weir::broker
