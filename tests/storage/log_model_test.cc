// Random appends, reads, truncations, deletions, flushes, restarts and crashes against a simple model.
#include "storage/log_fixture.h"

namespace weir::storage {
namespace {

struct ModelBatch {
  Offset base;
  Offset last;
  ByteVector bytes;
};

class ModelWorld : public LogFixture {
 public:
  explicit ModelWorld(uint64_t seed) : LogFixture(seed) {}
  void TestBody() override {}

  void run(int steps) {
    config_.segment_size_max = 2'000;
    config_.index_interval = 150;
    config_.retention_time = milliseconds(-1);
    ASSERT_TRUE(open());
    for (int i = 0; i < steps && !HasFatalFailure(); ++i) {
      step();
      ASSERT_EQ(log_->log_end_offset(), end());
      ASSERT_EQ(log_->log_start_offset(), start_);
    }
  }

 private:
  Random& random() { return simulation_.random(); }
  [[nodiscard]] Offset end() const { return batches_.empty() ? empty_end_ : batches_.back().last + 1; }
  Offset any_offset() {
    return start_ + static_cast<int64_t>(random().below(static_cast<uint64_t>(end() - start_) + 1));
  }

  void step() {
    switch (random().below(12)) {
      case 0:
        return truncate();
      case 1:
        return delete_records();
      case 2:
        return restart();
      case 3:
        return crash_and_open(log_->recovery_point(), start_);
      case 4:
        return flush();
      case 5:
      case 6:
        return check_read(any_offset());
      case 7:
        ASSERT_TRUE(log_->release_idle());
        return;
      default:
        return add();
    }
  }

  void add() {
    ByteVector batch = make_batch({.records = static_cast<int>(1 + random().below(4)),
                                   .value_size = random().below(300),
                                   .timestamp = Timestamp(1'000 + static_cast<int64_t>(random().below(5'000)))});
    const AppendResult appended =
        log_->append_as_leader(batch, {.leader_epoch = LeaderEpoch(epoch_ += random().below(10) == 0), .now = now_});
    ASSERT_TRUE(appended) << appended.error().message;
    ASSERT_EQ(appended->base_offset, end());
    batches_.push_back({appended->base_offset, appended->last_offset, batch});
  }

  void truncate() {
    const Offset to = any_offset();
    const Result<bool> truncated = log_->truncate_to(to, now_);
    ASSERT_TRUE(truncated) << truncated.error().message;
    ASSERT_EQ(*truncated, to < end());
    while (!batches_.empty() && batches_.back().last >= to) batches_.pop_back();
    // Within a batch the log ends with a gap, which a restart does not know of: take it back to a whole batch.
    const Offset whole = batches_.empty() ? log_->first_segment_offset() : batches_.back().last + 1;
    ASSERT_TRUE(log_->truncate_to(whole, now_));
    empty_end_ = whole;
    start_ = log_->log_start_offset();
  }

  void delete_records() {
    if (random().below(3) != 0) return;
    start_ = std::max(start_, any_offset());
    ASSERT_TRUE(log_->delete_records_before(start_));
    ASSERT_TRUE(log_->apply_retention(now_, end()));
    empty_end_ = end();
    ASSERT_TRUE(log_->take_deletions().run(disk_));
  }

  void check_read(Offset from) {
    const Offset upper = from + static_cast<int64_t>(random().below(20));
    const ByteVector read = read_all(*log_, from, std::min(upper, end()));
    ByteVector expected;
    for (const ModelBatch& batch : batches_) {
      if (batch.last >= from && batch.base < upper) {
        expected.insert(expected.end(), batch.bytes.begin(), batch.bytes.end());
      }
    }
    if (upper <= from) expected.clear();
    ASSERT_EQ(read, expected) << "from " << from.value() << " to " << upper.value();
    check_time(Timestamp(1'000 + static_cast<int64_t>(random().below(5'100))));
  }

  // The first record that is not older, by the batches that are at or above the start.
  void check_time(Timestamp at) {
    std::optional<Offset> expected;
    for (const ModelBatch& batch : batches_) {
      const protocol::RecordBatch header(batch.bytes);
      for (int32_t i = 0; i < header.record_count() && !expected; ++i) {
        const bool is_live = batch.base + i >= start_;
        if (is_live && header.base_timestamp() + i >= at) expected = batch.base + i;
      }
    }
    const auto found = log_->offset_for_timestamp(at);
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_EQ(found->has_value(), expected.has_value());
    if (expected) ASSERT_EQ((*found)->offset, *expected);
  }

  std::vector<ModelBatch> batches_;
  Offset start_{0};
  Offset empty_end_{0};
  int32_t epoch_ = 0;
};

TEST(LogModelTest, RandomWorkAgreesWithASimpleModel) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ModelWorld(seed).run(300);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace weir::storage
