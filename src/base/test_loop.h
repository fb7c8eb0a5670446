// For the unit tests of base: a real loop with everything that goes with it.
#pragma once

#include <gtest/gtest.h>

#include "base/real/epoll_loop.h"
#include "base/real/posix_network.h"
#include "base/real/system.h"

namespace weir {

// Runs a task on a real loop until it ends.
class LoopTest : public ::testing::Test {
 protected:
  void run(Task<void> task) {
    loop_.spawn(and_stop(std::move(task)));
    loop_.run();
  }
  Task<void> and_stop(Task<void> task) {
    co_await std::move(task);
    loop_.stop();
  }

  SystemClock clock_;
  SystemRandom random_;
  SystemDiskThreads disk_threads_{2};
  EpollLoop loop_{ShardId(0), clock_};
  PosixNetwork network_{disk_threads_};
};

}  // namespace weir
