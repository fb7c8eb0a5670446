#include <gtest/gtest.h>

#include "cli/dump_batches.h"
#include "cli/dump_indexes.h"
#include "protocol/batch_builder.h"

namespace weir::cli {
namespace {

ByteVector batch(std::string_view value) {
  protocol::BatchBuilder builder({});
  builder.append(Timestamp(5), as_bytes("k"), as_bytes(value));
  return to_vector(builder.finish().bytes);
}

TEST(BatchDumper, ShowsBatchesAndRecords) {
  std::string out;
  BatchDumper dumper(RecordKind::kUser, true, false);
  const ByteVector bytes = batch("v");
  EXPECT_EQ(dumper.dump(bytes, 100, true, out), bytes.size());
  EXPECT_NE(out.find("batch  offset=0  last_offset=0  records=1  position=100"), std::string::npos) << out;
  EXPECT_NE(out.find("  record  offset=0  timestamp=5  key=k  value=v\n"), std::string::npos) << out;
  EXPECT_FALSE(dumper.found_damage());
}

TEST(BatchDumper, TellsOfDamageAndGoesOnBehindIt) {
  std::string out;
  BatchDumper dumper(RecordKind::kUser, true, true);
  ByteVector bytes = batch("v");
  bytes.back() ^= 1;
  const ByteVector good = batch("w");
  bytes.insert(bytes.end(), good.begin(), good.end());
  bytes.insert(bytes.end(), good.begin(), good.end() - 1);
  dumper.dump(bytes, 0, true, out);
  EXPECT_TRUE(dumper.found_damage());
  EXPECT_NE(out.find(R"("kind":"damage","position":0)"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("value":"w")"), std::string::npos) << out;
  EXPECT_NE(out.find("cut short"), std::string::npos) << out;
}

TEST(BatchDumper, LeavesAPartOfABatchForTheNextWindow) {
  std::string out;
  BatchDumper dumper(RecordKind::kUser, true, true);
  const ByteVector bytes = batch("v");
  EXPECT_EQ(dumper.dump(ByteView(bytes).first(bytes.size() - 1), 0, false, out), 0u);
  EXPECT_TRUE(out.empty());
}

TEST(SmallFiles, AreKnownByTheirNames) {
  EXPECT_EQ(file_kind_of("d/00000000000000000007.log.deleted"), FileKind::kBatches);
  EXPECT_EQ(file_kind_of("d/00000000000000000007-0000000001.checkpoint"), FileKind::kBatches);
  EXPECT_EQ(file_kind_of("d/leader-epoch-checkpoint"), FileKind::kText);
  EXPECT_EQ(file_kind_of("d/notes.txt"), FileKind::kUnknown);
  EXPECT_EQ(base_offset_of("d/00000000000000000007.index"), 7);
  EXPECT_EQ(record_kind_of("data/__consumer_offsets-3/00000000000000000000.log"), RecordKind::kGroup);
}

TEST(SmallFiles, OffsetIndexesEndWhereTheirZerosBegin) {
  ByteVector bytes(24);
  store_be<int32_t>(&bytes[0], 3);
  store_be<int32_t>(&bytes[4], 900);
  std::string out;
  EXPECT_TRUE(dump_small_file(FileKind::kOffsetIndex, bytes, 10, false, out));
  EXPECT_EQ(out, "index  offset=13  position=900\n");
}

TEST(SmallFiles, AProducerSnapshotWithABadChecksumIsDamage) {
  std::string out;
  const ByteVector bytes(10);
  EXPECT_FALSE(dump_small_file(FileKind::kProducerSnapshot, bytes, 0, false, out));
}

}  // namespace
}  // namespace weir::cli
