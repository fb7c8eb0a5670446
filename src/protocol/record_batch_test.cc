// Batches, their records, control records and old messages. tests/golden holds them against Kafka's own.
#include "protocol/record_batch.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <string>

#include "protocol/batch_builder.h"
#include "protocol/control_record.h"
#include "protocol/crc32c.h"
#include "protocol/legacy_message.h"
#include "protocol/messages/leader_change_message.h"
#include "protocol/reader.h"
#include "protocol/record.h"

namespace weir::protocol {
namespace {

constexpr size_t kSizeMax = 1 << 20;

ByteVector simple_batch(int records = 3, BatchOptions options = {}) {
  BatchBuilder builder(options);
  for (int i = 0; i < records; ++i) {
    builder.append(Timestamp(1000 + i), as_bytes("key"), as_bytes("value " + std::to_string(i)));
  }
  return to_vector(builder.finish().bytes);
}

// Puts `number` at `position` of a batch; `fixed` computes the checksum anew.
template <class Int>
ByteVector changed(ByteVector batch, size_t position, Int number, bool fixed = true) {
  store_be(batch.data() + position, number);
  if (fixed) store_be(batch.data() + 17, crc32c(ByteView(batch).subspan(21)));
  return batch;
}

Errc code_of(const Result<void>& result) {
  EXPECT_FALSE(result.has_value());
  return result.has_value() ? Errc::kIo : result.error().code;
}

// The error that reading all records of a batch ends with.
std::string read_error(const ByteVector& bytes) {
  RecordBatch batch(bytes);
  auto open = open_batch(batch, kSizeMax);
  if (!open) return open.error().message;
  for (;;) {
    auto record = open->cursor.next();
    if (!record) return record.error().message;
    if (!*record) return "";
  }
}

TEST(BatchBuilder, FillsTheHeader) {
  ByteVector bytes = simple_batch(3, {.is_transactional = true,
                                      .producer_id = ProducerId(77),
                                      .producer_epoch = ProducerEpoch(2),
                                      .base_sequence = INT32_MAX - 1,
                                      .base_offset = Offset(500),
                                      .leader_epoch = LeaderEpoch(4)});
  RecordBatch batch(bytes);
  EXPECT_EQ(batch.base_offset(), Offset(500));
  EXPECT_EQ(batch.last_offset(), Offset(502));
  EXPECT_EQ(batch.next_offset(), Offset(503));
  EXPECT_EQ(batch.size(), bytes.size());
  EXPECT_EQ(batch.leader_epoch(), LeaderEpoch(4));
  EXPECT_EQ(batch.base_timestamp(), Timestamp(1000));
  EXPECT_EQ(batch.max_timestamp(), Timestamp(1002));
  EXPECT_EQ(batch.producer_id(), ProducerId(77));
  EXPECT_EQ(batch.producer_epoch(), ProducerEpoch(2));
  EXPECT_EQ(batch.last_sequence(), 0);  // over the top and on from 0
  EXPECT_EQ(batch.record_count(), 3);
  EXPECT_TRUE(batch.is_transactional());
  EXPECT_FALSE(batch.is_control());
  EXPECT_TRUE(check_batch(batch).has_value());
}

TEST(BatchBuilder, KnowsItsSizeBeforeItIsFinishedAndStartsOver) {
  BatchBuilder builder({});
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.size(), kBatchHeaderSize);
  for (int round = 0; round < 2; ++round) {
    RecordHeader header{"h", as_bytes("v")};
    size_t before = builder.size();
    builder.append(Timestamp(5), std::nullopt, as_bytes("x"), {&header, 1});
    EXPECT_LE(builder.size() - before, BatchBuilder::record_size_max(std::nullopt, as_bytes("x"), {&header, 1}));
    size_t size = builder.size();
    EXPECT_EQ(builder.estimated_size(1.0), size);
    EXPECT_EQ(builder.finish().bytes.size(), size);
    EXPECT_TRUE(builder.empty());
  }
}

TEST(BatchBuilder, TimestampsMayGoBack) {
  BatchBuilder builder({});
  for (int64_t at : {int64_t{1000}, int64_t{1}, INT64_C(1) << 50, int64_t{-1}}) builder.append(Timestamp(at), {}, {});
  ByteVector bytes = to_vector(builder.finish().bytes);
  RecordBatch batch(bytes);
  EXPECT_EQ(batch.base_timestamp(), Timestamp(1000));
  EXPECT_EQ(batch.max_timestamp(), Timestamp(INT64_C(1) << 50));
  auto open = open_batch(batch, kSizeMax);
  for (int64_t at : {int64_t{1000}, int64_t{1}, INT64_C(1) << 50, int64_t{-1}}) {
    EXPECT_EQ((*open->cursor.next())->timestamp, Timestamp(at));
  }
}

TEST(Records, KeysValuesAndHeadersMayBeNullOrEmpty) {
  BatchBuilder builder({});
  RecordHeader headers[] = {{"", std::nullopt}, {"name", as_bytes("")}, {"name", as_bytes("twice")}};
  builder.append(Timestamp(1), std::nullopt, as_bytes(""), headers);
  builder.append(Timestamp(2), as_bytes(""), std::nullopt);
  ByteVector bytes = to_vector(builder.finish().bytes);
  auto open = open_batch(RecordBatch(bytes), kSizeMax);
  ASSERT_TRUE(open.has_value());
  auto first = *open->cursor.next();
  EXPECT_FALSE(first->key.has_value());
  ASSERT_TRUE(first->value.has_value());
  EXPECT_TRUE(first->value->empty());
  ASSERT_EQ(first->headers.size(), 3);
  auto left = first->headers;
  EXPECT_FALSE(left.next()->value.has_value());
  EXPECT_EQ(as_text(*left.next()->value), "");
  EXPECT_EQ(as_text(*left.next()->value), "twice");
  EXPECT_FALSE(left.next().has_value());
  auto second = *open->cursor.next();
  ASSERT_TRUE(second->key.has_value());
  EXPECT_FALSE(second->value.has_value());
  EXPECT_FALSE((*open->cursor.next()).has_value());
}

TEST(Records, DamagedOnesAreRefusedWithWhatIsWrong) {
  ByteVector good = simple_batch(2);
  EXPECT_EQ(read_error(good), "");
  // The first record: length, attributes, timestamp delta, offset delta, key length, "key", value length, "value 0",
  // headers.
  EXPECT_NE(read_error(changed(good, 61, int8_t{126})), "");                        // longer than the rest
  EXPECT_NE(read_error(changed(good, 61, static_cast<int8_t>(good[61] - 2))), "");  // shorter than its fields
  EXPECT_NE(read_error(changed(good, 64, int8_t{1})), "");                          // offset delta -1
  EXPECT_NE(read_error(changed(good, 64, int8_t{4})), "");                          // offset delta 2, past the last
  EXPECT_NE(read_error(changed(good, 64, int8_t{2})), "");                          // 1, as the one behind it
  EXPECT_NE(read_error(changed(good, 65, int8_t{100})), "");                        // key length
  EXPECT_NE(read_error(changed(good, 69, int8_t{100})), "");                        // value length
  EXPECT_NE(read_error(changed(good, 77, int8_t{120})), "");                        // header count
  EXPECT_NE(read_error(changed(good, 77, int8_t{1})), "");                          // header count -1
  EXPECT_NE(read_error(changed(good, 57, int32_t{1})), "");                         // a record behind the last
  EXPECT_NE(read_error(changed(good, 57, int32_t{3})), "");                         // one too few
}

TEST(Records, NoByteOfABatchCanBeChangedToCrashTheCursor) {
  for (auto codec : {Compression::kNone, Compression::kLz4}) {
    ByteVector good = simple_batch(5, {.codec = codec});
    for (size_t i = 21; i < good.size(); ++i) {
      for (int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        ByteVector bad = changed(good, i, static_cast<uint8_t>(value));
        RecordBatch batch(bad);
        if (check_batch(batch).has_value()) read_error(bad);
      }
    }
  }
}

TEST(Records, EmptiedBatchHasNoneWhateverItsCodec) {
  ByteVector bytes = simple_batch(1);
  bytes.resize(kBatchHeaderSize);
  store_be(bytes.data() + 8, static_cast<int32_t>(kBatchHeaderSize - kEntryOverhead));
  ByteVector emptied = changed(changed(bytes, 57, int32_t{0}), 21, int16_t{4});
  ASSERT_TRUE(check_batch(RecordBatch(emptied)).has_value());
  EXPECT_EQ(read_error(emptied), "");
}

TEST(Records, CompressedOnesBeyondTheLimitAreTooLarge) {
  BatchBuilder builder({.codec = Compression::kZstd});
  builder.append(Timestamp(1), {}, as_bytes(std::string(100000, 'z')));
  ByteVector bytes = to_vector(builder.finish().bytes);
  EXPECT_LT(bytes.size(), 1000U);
  auto open = open_batch(RecordBatch(bytes), 50000);
  ASSERT_FALSE(open.has_value());
  EXPECT_EQ(open.error().code, Errc::kTooLarge);
}

TEST(Entries, AreSniffedBeforeTheyAreWhole) {
  ByteVector batch = simple_batch();
  auto frame = sniff_entry(ByteView(batch).first(kEntrySniffSize));
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->size, batch.size());
  EXPECT_EQ((*frame)->magic, 2);
  EXPECT_FALSE(sniff_entry(ByteView(batch).first(kEntrySniffSize - 1))->has_value());
  for (int64_t bad_size : {-1, 0, 48, INT32_MAX}) {
    EXPECT_FALSE(sniff_entry(changed(batch, 8, static_cast<int32_t>(bad_size), false)).has_value()) << bad_size;
  }
  EXPECT_FALSE(sniff_entry(changed(batch, 16, int8_t{3}, false)).has_value());
}

TEST(Entries, BatchesAreTakenOneByOneAndACutOneIsCorrupt) {
  ByteVector two = simple_batch(1);
  ByteVector second = simple_batch(2);
  two.insert(two.end(), second.begin(), second.end());
  ByteView left(two);
  EXPECT_EQ(take_batch(left)->record_count(), 1);
  ByteView cut = left.first(left.size() - 1);
  EXPECT_EQ(take_batch(left)->record_count(), 2);
  EXPECT_TRUE(left.empty());
  auto refused = take_batch(cut);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kCorrupt);
  ByteVector old = changed(simple_batch(), 16, int8_t{1}, false);
  ByteView old_view(old);
  EXPECT_EQ(take_batch(old_view).error().code, Errc::kUnsupported);
}

TEST(BatchChecks, DamageIsCorrupt) {
  ByteVector good = simple_batch();
  for (size_t i = 17; i < good.size(); ++i) {
    ByteVector bad = good;
    bad[i] ^= 1;
    ASSERT_EQ(code_of(check_batch(RecordBatch(bad))), Errc::kCorrupt) << i;
    ASSERT_EQ(code_of(check_producer_batch(RecordBatch(bad))), Errc::kCorrupt) << i;
  }
}

TEST(BatchChecks, HeadersThatContradictThemselvesAreCorrupt) {
  ByteVector good = simple_batch();
  EXPECT_EQ(code_of(check_batch(RecordBatch(changed(good, 21, int16_t{5})))), Errc::kCorrupt);    // codec
  EXPECT_EQ(code_of(check_batch(RecordBatch(changed(good, 23, int32_t{-1})))), Errc::kCorrupt);   // last delta
  EXPECT_EQ(code_of(check_batch(RecordBatch(changed(good, 23, int32_t{1})))), Errc::kCorrupt);    // 3 in 2 offsets
  EXPECT_EQ(code_of(check_batch(RecordBatch(changed(good, 57, int32_t{-1})))), Errc::kCorrupt);   // count
  EXPECT_EQ(code_of(check_batch(RecordBatch(changed(good, 0, int64_t{-1})))), Errc::kCorrupt);    // base offset
  EXPECT_EQ(code_of(check_batch(RecordBatch(changed(good, 0, INT64_MAX - 1)))), Errc::kCorrupt);  // overflow
  ByteVector many = changed(changed(good, 23, INT32_MAX), 57, INT32_MAX);
  EXPECT_EQ(code_of(check_batch(RecordBatch(many))), Errc::kCorrupt);  // more records than bytes
  // Compaction leaves fewer records than offsets, down to none.
  EXPECT_TRUE(check_batch(RecordBatch(changed(good, 23, int32_t{10}))).has_value());
  ByteVector emptied(good.begin(), good.begin() + kBatchHeaderSize);
  store_be(emptied.data() + 8, static_cast<int32_t>(kBatchHeaderSize - kEntryOverhead));
  EXPECT_TRUE(check_batch(RecordBatch(changed(emptied, 57, int32_t{0}))).has_value());
}

TEST(BatchChecks, WhatAProducerMustNotSendIsInvalid) {
  ByteVector good =
      simple_batch(3, {.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = 0});
  EXPECT_TRUE(check_producer_batch(RecordBatch(good)).has_value());
  EXPECT_TRUE(check_producer_batch(RecordBatch(simple_batch())).has_value());
  auto check = [](const ByteVector& bytes) { return code_of(check_producer_batch(RecordBatch(bytes))); };
  EXPECT_EQ(check(changed(good, 0, int64_t{5})), Errc::kInvalidArgument);    // base offset
  EXPECT_EQ(check(changed(good, 57, int32_t{2})), Errc::kInvalidArgument);   // fewer records than offsets
  EXPECT_EQ(check(changed(good, 57, int32_t{4})), Errc::kInvalidArgument);   // more
  EXPECT_EQ(check(changed(good, 57, int32_t{0})), Errc::kInvalidArgument);   // none
  EXPECT_EQ(check(changed(good, 23, int32_t{-1})), Errc::kInvalidArgument);  // no offsets
  EXPECT_EQ(check(changed(good, 21, kControlBit)), Errc::kInvalidArgument);
  EXPECT_EQ(check(changed(good, 21, kDeleteHorizonBit)), Errc::kInvalidArgument);
  EXPECT_EQ(check(changed(good, 53, int32_t{-1})), Errc::kInvalidArgument);  // a producer id without a sequence
}

TEST(BatchChanges, OffsetAndEpochLieOutsideTheChecksum) {
  ByteVector bytes = simple_batch();
  set_base_offset(bytes, Offset(1234));
  set_leader_epoch(bytes, LeaderEpoch(9));
  RecordBatch batch(bytes);
  EXPECT_TRUE(batch.crc_matches());
  EXPECT_EQ(batch.last_offset(), Offset(1236));
  EXPECT_EQ(batch.leader_epoch(), LeaderEpoch(9));
}

TEST(BatchChanges, LogAppendTimeIsTheTimeOfEveryRecord) {
  ByteVector bytes = simple_batch();
  set_log_append_time(bytes, Timestamp(99));
  RecordBatch batch(bytes);
  EXPECT_TRUE(check_batch(batch).has_value());
  EXPECT_TRUE(batch.is_log_append_time());
  auto open = open_batch(batch, kSizeMax);
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*open->cursor.next())->timestamp, Timestamp(99));
}

TEST(ControlRecords, MarkerHasThe78BytesOfKafkas) {
  SharedBytes marker = end_txn_marker_batch(ControlType::kCommit, ProducerId(7), ProducerEpoch(1), 12, Timestamp(5));
  RecordBatch batch(marker.bytes);
  EXPECT_EQ(batch.size(), 78U);
  EXPECT_EQ(batch.attributes(), 0x30);
  EXPECT_EQ(batch.base_sequence(), kNoSequence);
  auto open = open_batch(batch, kSizeMax);
  auto record = *open->cursor.next();
  EXPECT_EQ(*parse_control_key(*record->key), ControlType::kCommit);
  EXPECT_EQ(*parse_end_txn_marker(*record->value), 12);
}

TEST(ControlRecords, QuorumMessagesGoInAndComeOut) {
  BatchBuilder builder({.is_control = true});
  LeaderChangeMessage message;
  message.leader_id = 3;
  message.voters.push_back({.voter_id = 3});
  ASSERT_TRUE(append_control(builder, Timestamp(1), ControlType::kLeaderChange, message, 0).has_value());
  ByteVector bytes = to_vector(builder.finish().bytes);
  auto open = open_batch(RecordBatch(bytes), kSizeMax);
  auto record = *open->cursor.next();
  EXPECT_EQ(*parse_control_key(*record->key), ControlType::kLeaderChange);
  LeaderChangeMessage again;
  Reader in(*record->value);
  ASSERT_TRUE(again.decode(in, 0).has_value());
  EXPECT_EQ(again.leader_id, 3);
}

TEST(ControlRecords, ShortKeysAndValuesAreCorrupt) {
  ByteVector three(3);
  EXPECT_EQ(parse_control_key(three).error().code, Errc::kCorrupt);
  EXPECT_EQ(parse_end_txn_marker(three).error().code, Errc::kCorrupt);
}

// A message of magic 0 or 1 with a null key.
ByteVector legacy_message(int8_t magic, std::string_view value) {
  Writer out;
  out.int64(41);
  out.int32(0);
  out.int32(0);
  out.int8(magic);
  out.int8(0);
  if (magic == 1) out.int64(123456);
  out.int32(-1);
  out.bytes(as_bytes(value), false);
  ByteVector entry = to_vector(out.view());
  store_be(entry.data() + 8, static_cast<int32_t>(entry.size() - kEntryOverhead));
  store_be(entry.data() + 12, libdeflate_crc32(0, entry.data() + 16, entry.size() - 16));
  return entry;
}

TEST(LegacyMessages, AreRecognisedMeasuredAndChecked) {
  for (int8_t magic : {int8_t{0}, int8_t{1}}) {
    ByteVector entry = legacy_message(magic, "old");
    auto frame = sniff_entry(entry);
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->magic, magic);
    LegacyMessage message(entry);
    EXPECT_EQ(message.last_offset(), Offset(41));
    EXPECT_EQ(message.size(), entry.size());
    EXPECT_EQ(message.timestamp(), magic == 0 ? kNoTimestamp : Timestamp(123456));
    EXPECT_FALSE(message.is_compressed());
    EXPECT_TRUE(message.crc_matches());
    entry.back() ^= 1;
    EXPECT_FALSE(LegacyMessage(entry).crc_matches());
  }
}

}  // namespace
}  // namespace weir::protocol
