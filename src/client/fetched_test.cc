#include "client/fetched.h"

#include <gtest/gtest.h>

#include "client/positions.h"
#include "protocol/batch_builder.h"
#include "protocol/control_record.h"

namespace weir::client {
namespace {

ByteVector batch(int64_t base, std::initializer_list<std::string_view> values, protocol::BatchOptions options = {}) {
  options.base_offset = Offset(base);
  protocol::BatchBuilder builder(options);
  for (const std::string_view value : values) builder.append(Timestamp(5), std::nullopt, as_bytes(value));
  return to_vector(builder.finish().bytes);
}

ByteVector operator+(ByteVector a, const ByteVector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

FetchedRecords fetched(const ByteVector& bytes, int64_t from, std::vector<AbortedTransaction> aborted = {}) {
  return {std::make_shared<const FetchedRecords::Source>(Buffer(), "t", PartitionIndex(0)), bytes, Offset(from),
          std::move(aborted)};
}

std::vector<std::string> read_all(FetchedRecords& records) {
  ConsumedRecords out;
  EXPECT_TRUE(records.read(1000, out));
  std::vector<std::string> values;
  for (const auto& record : out.records) values.emplace_back(*record.value);
  return values;
}

TEST(FetchedRecords, SkipsRecordsBelowTheOffsetThatWasAskedFor) {
  const ByteVector bytes = batch(10, {"a", "b", "c"}, {.codec = protocol::Compression::kZstd});
  auto records = fetched(bytes, 11);
  EXPECT_EQ(records.next_fetch(), Offset(13));
  EXPECT_EQ(read_all(records), (std::vector<std::string>{"b", "c"}));
  EXPECT_TRUE(records.at_end());
}

TEST(FetchedRecords, IgnoresABatchThatIsCutShort) {
  ByteVector bytes = batch(0, {"a"}) + batch(1, {"b"});
  bytes.resize(bytes.size() - 3);
  auto records = fetched(bytes, 0);
  EXPECT_EQ(records.next_fetch(), Offset(1));
  EXPECT_EQ(read_all(records), std::vector<std::string>{"a"});
}

TEST(FetchedRecords, ReadsInPortions) {
  const ByteVector bytes = batch(0, {"a", "b"}) + batch(2, {"c"});
  auto records = fetched(bytes, 0);
  ConsumedRecords out;
  ASSERT_TRUE(records.read(1, out));
  EXPECT_EQ(records.position(), Offset(1));
  EXPECT_EQ(read_all(records), (std::vector<std::string>{"b", "c"}));
}

TEST(FetchedRecords, LeavesOutAbortedTransactionsUntilTheirMarker) {
  const protocol::BatchOptions by_seven{
      .is_transactional = true, .producer_id = ProducerId(7), .producer_epoch = ProducerEpoch(0), .base_sequence = 0};
  protocol::BatchOptions by_eight = by_seven;
  by_eight.producer_id = ProducerId(8);
  auto marker =
      protocol::end_txn_marker_batch(protocol::ControlType::kAbort, ProducerId(7), ProducerEpoch(0), 0, Timestamp(5));
  ByteVector marker_bytes = to_vector(marker.bytes);
  protocol::set_base_offset(marker_bytes, Offset(2));
  const ByteVector bytes = batch(0, {"aborted"}, by_seven) + batch(1, {"committed"}, by_eight) + marker_bytes +
                           batch(3, {"after"}, by_seven);
  auto records = fetched(bytes, 0, {{ProducerId(7), Offset(0)}});
  EXPECT_EQ(read_all(records), (std::vector<std::string>{"committed", "after"}));
  EXPECT_EQ(records.position(), Offset(4));
}

TEST(Positions, ReportsABadBatchWhenTheGoodRecordsBeforeItWereRead) {
  ByteVector bytes = batch(0, {"a"}) + batch(1, {"b"});
  bytes.back() ^= 1;
  Positions positions;
  const TopicPartition place{"t", PartitionIndex(0)};
  positions.assign({place}, Positions::Known::kReset, OffsetReset::kEarliest);
  positions.seek(*positions.find(place), Offset(0));
  positions.find(place)->fetched.push_back(fetched(bytes, 0));
  ConsumedRecords first, second;
  ASSERT_TRUE(positions.read(100, first));
  EXPECT_EQ(first.records.size(), 1u);
  const auto failed = positions.read(100, second);
  EXPECT_EQ(failed.error().code, Errc::kCorrupt);
  EXPECT_EQ(positions.find(place)->position, Offset(1));
}

TEST(Positions, KeptPartitionsKeepTheirPositionAndAnswersForOthersAreNotTheirs) {
  Positions positions;
  const TopicPartition kept{"t", PartitionIndex(0)}, dropped{"t", PartitionIndex(1)};
  positions.assign({kept, dropped}, Positions::Known::kReset, OffsetReset::kEarliest);
  positions.seek(*positions.find(kept), Offset(42));
  const uint64_t before = positions.find(dropped)->incarnation;
  positions.assign({kept}, Positions::Known::kReset, OffsetReset::kEarliest);
  EXPECT_EQ(positions.find(dropped), nullptr);
  positions.assign({kept, dropped}, Positions::Known::kReset, OffsetReset::kEarliest);
  EXPECT_EQ(positions.find(kept)->position, Offset(42));
  EXPECT_NE(positions.find(dropped)->incarnation, before);
  EXPECT_EQ(positions.uncommitted(), (std::map<TopicPartition, Offset>{{kept, Offset(42)}}));
}

}  // namespace
}  // namespace weir::client
