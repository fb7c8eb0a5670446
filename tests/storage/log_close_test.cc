// Closing a log in order: it costs nothing where nothing was written, and never calls clean what is not.
#include "storage/log_fixture.h"

namespace weir::storage {
namespace {

class LogCloseTest : public LogFixture {
 protected:
  // Whether closing the log writes, syncs or names anything; the process dies there.
  bool close_changes_the_disk() {
    bool died = false;
    disk_.die_at_operation(1, [&] { died = true; });
    log_->detach();
    EXPECT_EQ(log_->close().has_value(), !died);
    disk_.die_at_operation(0, nullptr);
    return died;
  }
};

TEST_F(LogCloseTest, ALogThatIsAsItWasFoundNeedsNothing) {
  ASSERT_TRUE(open());
  append_good({.producer_id = ProducerId(1)});
  restart();
  log_->start_epoch(LeaderEpoch(3));
  EXPECT_FALSE(close_changes_the_disk()) << "an epoch without a record is nothing to keep";
}

TEST_F(LogCloseTest, ALogThatWasMadeAndNeverWrittenToNeedsNothing) {
  ASSERT_TRUE(open(true));
  log_->start_epoch(LeaderEpoch(0));
  EXPECT_FALSE(close_changes_the_disk());
}

TEST_F(LogCloseTest, AnEpochThatIsForgottenWithoutARecordIsFoundInTheNextOne) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(append({}, LeaderEpoch(1)));
  restart();
  log_->start_epoch(LeaderEpoch(2));
  restart();
  log_->start_epoch(LeaderEpoch(3));
  ASSERT_TRUE(append({}, LeaderEpoch(3)));
  restart();
  const std::vector<EpochStart> known = {{LeaderEpoch(1), Offset(0)}, {LeaderEpoch(3), Offset(1)}};
  EXPECT_EQ(log_->epochs().entries(), known);
}

// What the killed process wrote may be in the page cache only.
TEST_F(LogCloseTest, AfterACrashEverythingIsFlushed) {
  ASSERT_TRUE(open());
  append_good({});
  crash_and_open();
  log_->detach();
  ASSERT_TRUE(log_->close());
  log_.reset();
  disk_.power_lost();
  ASSERT_TRUE(open(true));
  EXPECT_EQ(served().size(), 1u);
}

TEST_F(LogCloseTest, DyingWhileClosingLosesNothing) {
  for (uint64_t count = 1;; ++count) {
    folder_ = "data/t-" + std::to_string(count);
    ASSERT_TRUE(open());
    append_good({.producer_id = ProducerId(1)});
    bool died = false;
    disk_.die_at_operation(count, [&] { died = true; });
    log_->detach();
    const bool closed = log_->close().has_value();
    EXPECT_EQ(closed, !died);
    if (!died) break;
    crash_and_open();
    EXPECT_EQ(served().size(), 1u) << "dead at operation " << count;
    log_.reset();
  }
}

TEST_F(LogCloseTest, AFlushThatFailedIsNotMadeGoodByTheNextOne) {
  ASSERT_TRUE(open());
  append_good({});
  flush();
  append_good({});
  const auto job = log_->start_flush(FlushNeed::kAll, now_);
  ASSERT_TRUE(job);
  disk_.conditions().sync_error_percent = 100;
  const Result<> ran = job->run();
  EXPECT_FALSE(ran);
  log_->finish_flush(*job, ran);
  // The device reports an error once, and then has nothing to sync any more.
  disk_.conditions().sync_error_percent = 0;
  log_->detach();
  EXPECT_FALSE(log_->close()) << "a clean stop would keep recovery from looking at it";
  EXPECT_EQ(log_->recovery_point(), Offset(1));
}

TEST_F(LogCloseTest, ALogWhoseDiskIsFullIsNotClosedCleanly) {
  ASSERT_TRUE(open());
  append_good({.producer_id = ProducerId(1)});
  disk_.conditions().capacity = disk_.used();
  log_->detach();
  EXPECT_FALSE(log_->close());
  disk_.conditions().capacity = uint64_t{1} << 30;
  crash_and_open();
  EXPECT_EQ(served().size(), 1u);
}

}  // namespace
}  // namespace weir::storage
