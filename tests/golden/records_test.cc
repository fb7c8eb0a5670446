// The logs of a data directory of Kafka: every batch and record reads as an independent reader dumped it, every
// internal record decodes, and batches built anew of the same records have the same bytes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "golden/golden.h"
#include "protocol/batch_builder.h"
#include "protocol/control_record.h"
#include "protocol/json/json.h"
#include "protocol/json/reflection.h"
#include "protocol/reader.h"
#include "protocol/record.h"
#include "protocol/record_batch.h"
#include "protocol/writer.h"

namespace weir::protocol {
namespace {

constexpr size_t kSizeMax = 1 << 20;

bool holds_records(std::string_view path) { return path.ends_with(".log") || path.ends_with(".checkpoint"); }

// Calls `visit(batch, file, position)` for every batch of the archive; `file` is the path without the folder of the
// archive.
template <class Visit>
void for_each_batch(std::string_view archive, Visit visit) {
  for (const auto& [path, content] : golden::archive(archive)) {
    if (!holds_records(path)) continue;
    SCOPED_TRACE(path);
    ByteView left = as_bytes(content);
    while (!left.empty()) {
      size_t position = content.size() - left.size();
      auto batch = take_batch(left);
      ASSERT_TRUE(batch.has_value()) << batch.error().message;
      auto checked = check_batch(*batch);
      ASSERT_TRUE(checked.has_value()) << checked.error().message;
      ASSERT_NO_FATAL_FAILURE(visit(*batch, path.substr(path.find('/') + 1), position));
    }
  }
}

template <class Visit>
void for_each_record(const RecordBatch& batch, Visit visit) {
  auto open = open_batch(batch, kSizeMax);
  ASSERT_TRUE(open.has_value()) << open.error().message;
  for (;;) {
    auto record = open->cursor.next();
    ASSERT_TRUE(record.has_value()) << record.error().message;
    if (!*record) return;
    ASSERT_NO_FATAL_FAILURE(visit(**record));
  }
}

std::string batch_line(const RecordBatch& b, const std::string& file, size_t position) {
  return fmt::format(
      "{{\"kind\": \"batch\", \"at\": \"{}@{}\", \"size\": {}, \"baseOffset\": {}, \"lastOffset\": {}, "
      "\"leaderEpoch\": {}, "
      "\"magic\": {}, \"crc\": {}, \"attributes\": {}, \"codec\": \"{}\", \"timestampType\": \"{}\", "
      "\"transactional\": {}, \"isControl\": {}, \"deleteHorizon\": {}, \"baseTimestamp\": {}, \"maxTimestamp\": {}, "
      "\"producerId\": {}, \"producerEpoch\": {}, \"baseSequence\": {}, \"count\": {}}}",
      file, position, b.size(), b.base_offset().value(), b.last_offset().value(), b.leader_epoch().value(),
      static_cast<int>(b.magic()), b.crc(), b.attributes(), compression_name(b.codec()),
      b.is_log_append_time() ? "LogAppendTime" : "CreateTime", b.is_transactional(), b.is_control(),
      b.has_delete_horizon(), b.base_timestamp().value(), b.max_timestamp().value(), b.producer_id().value(),
      b.producer_epoch().value(), b.base_sequence(), b.record_count());
}

std::string text_or_null(const std::optional<ByteView>& bytes) {
  if (!bytes) return "null";
  for (uint8_t byte : *bytes) {
    if (byte < 0x20 || byte > 0x7e) return "\"0x" + golden::to_hex(*bytes) + "\"";
  }
  return "\"" + std::string(as_text(*bytes)) + "\"";
}

// For the topics whose records the dump shows as they are.
std::string record_line(const Record& record, const std::string& file) {
  std::string headers;
  for (auto left = record.headers; auto header = left.next();) {
    headers += fmt::format("{}[\"{}\", {}]", headers.empty() ? "" : ", ", header->key, text_or_null(header->value));
  }
  return fmt::format(
      "{{\"kind\": \"record\", \"at\": \"{}#{}\", \"timestamp\": {}, \"key\": {}, \"value\": {}, \"headers\": [{}]}}",
      file, record.offset.value(), record.timestamp.value(), text_or_null(record.key), text_or_null(record.value),
      headers);
}

TEST(GoldenLogs, BatchesAndRecordsAreThoseOfTheDump) {
  std::set<std::string> dumped;
  size_t plain_records = 0;
  for (std::string& line : golden::lines("data-solo.dump.jsonl.gz")) dumped.insert(std::move(line));
  for_each_batch("data-solo.tar.gz", [&](const RecordBatch& batch, const std::string& file, size_t position) {
    EXPECT_TRUE(dumped.contains(batch_line(batch, file, position))) << batch_line(batch, file, position);
    dumped.erase(batch_line(batch, file, position));
    // Control batches and internal topics are shown decoded.
    bool is_plain = !batch.is_control() && !file.starts_with("__") && !file.starts_with("bootstrap");
    for_each_record(batch, [&](const Record& record) {
      EXPECT_EQ(record.offset - batch.base_offset(), record.offset_delta);
      if (!is_plain) return;
      ++plain_records;
      EXPECT_TRUE(dumped.contains(record_line(record, file))) << record_line(record, file);
    });
  });
  for (const std::string& line : dumped) EXPECT_FALSE(line.starts_with("{\"kind\": \"batch\"")) << line;
  EXPECT_EQ(plain_records, 200U);
}

// Decodes `bytes` as `info` and encodes them again.
void expect_round_trip(const MessageInfo* info, int16_t version, ByteView bytes) {
  ASSERT_NE(info, nullptr);
  SCOPED_TRACE(std::string(info->name) + " v" + std::to_string(version));
  auto message = info->make();
  Reader in(bytes);
  auto decoded = info->decode(message.get(), in, version);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(in.remaining(), 0U);
  Writer out;
  ASSERT_TRUE(info->encode(message.get(), out, version).has_value());
  EXPECT_EQ(golden::to_hex(out.view()), golden::to_hex(bytes));
}

void expect_control_record(const Record& record) {
  auto type = parse_control_key(*record.key);
  ASSERT_TRUE(type.has_value());
  constexpr std::string_view kNames[] = {"",
                                         "",
                                         "LeaderChangeMessage",
                                         "SnapshotHeaderRecord",
                                         "SnapshotFooterRecord",
                                         "KRaftVersionRecord",
                                         "VotersRecord"};
  if (*type == ControlType::kAbort || *type == ControlType::kCommit) {
    auto epoch = parse_end_txn_marker(*record.value);
    ASSERT_TRUE(epoch.has_value());
    EXPECT_EQ(*epoch, 0);
    return;
  }
  auto version = load_be<int16_t>(record.value->data());
  expect_round_trip(find_message(kNames[static_cast<size_t>(*type)]), version, *record.value);
}

void expect_metadata_record(const Record& record) {
  Reader in(*record.value);
  EXPECT_EQ(in.unsigned_varint(), 1U);
  auto type = static_cast<int16_t>(in.unsigned_varint());
  auto version = static_cast<int16_t>(in.unsigned_varint());
  expect_round_trip(find_message("metadata", MessageKind::kRecord, type), version, in.rest());
}

void expect_coordinator_record(std::string_view group, const Record& record) {
  auto type = load_be<int16_t>(record.key->data());
  expect_round_trip(find_message(group, MessageKind::kKey, type), 0, record.key->subspan(sizeof type));
  if (!record.value) return;  // a tombstone
  auto version = load_be<int16_t>(record.value->data());
  expect_round_trip(find_message(group, MessageKind::kValue, type), version, record.value->subspan(sizeof version));
}

TEST(GoldenLogs, EveryInternalRecordDecodesAndEncodesToTheSameBytes) {
  std::map<std::string, int> seen;
  auto visit = [&](const RecordBatch& batch, const std::string& file, size_t) {
    for_each_record(batch, [&](const Record& record) {
      std::string kind = batch.is_control() ? "control" : file.substr(0, file.find_first_of("-."));
      ++seen[kind];
      if (kind == "control") return expect_control_record(record);
      if (kind == "__cluster_metadata" || kind == "bootstrap") return expect_metadata_record(record);
      if (kind == "__consumer_offsets") return expect_coordinator_record("group-coordinator", record);
      if (kind == "__transaction_state") return expect_coordinator_record("transaction-coordinator", record);
      if (kind == "__share_group_state") return expect_coordinator_record("share-coordinator", record);
    });
  };
  for_each_batch("data-solo.tar.gz", visit);
  for_each_batch("data-voters.tar.gz", visit);
  for (const char* kind : {"control", "__cluster_metadata", "bootstrap", "__consumer_offsets", "__transaction_state",
                           "__share_group_state"}) {
    EXPECT_GT(seen[kind], 0) << kind;
  }
}

// Builds a batch of the same records and properties.
SharedBytes rebuilt(const RecordBatch& batch, Compression codec) {
  BatchBuilder builder({.codec = codec,
                        .is_transactional = batch.is_transactional(),
                        .is_control = batch.is_control(),
                        .producer_id = batch.producer_id(),
                        .producer_epoch = batch.producer_epoch(),
                        .base_sequence = batch.base_sequence(),
                        .base_offset = batch.base_offset(),
                        .leader_epoch = batch.leader_epoch()});
  for_each_record(batch, [&](const Record& record) {
    std::vector<RecordHeader> headers;
    for (auto left = record.headers; auto header = left.next();) headers.push_back(*header);
    builder.append(record.timestamp, record.key, record.value, headers);
  });
  return builder.finish();
}

// Compaction leaves gaps, and appends with a time of the log lose the records' own.
bool can_be_rebuilt(const RecordBatch& batch) {
  return batch.record_count() == batch.last_offset_delta() + 1 && !batch.has_delete_horizon() &&
         !batch.is_log_append_time();
}

TEST(GoldenLogs, BuildingABatchAnewGivesTheSameBytes) {
  int same = 0;
  for_each_batch("data-solo.tar.gz", [&](const RecordBatch& batch, const std::string&, size_t) {
    if (!can_be_rebuilt(batch) || batch.codec() != Compression::kNone) return;
    SharedBytes built = rebuilt(batch, Compression::kNone);
    EXPECT_EQ(golden::to_hex(built.bytes), golden::to_hex(batch.bytes()));
    ++same;
  });
  EXPECT_GT(same, 100);
}

TEST(GoldenLogs, RecordsSurviveEveryCodec) {
  for_each_batch("data-solo.tar.gz", [&](const RecordBatch& batch, const std::string&, size_t) {
    if (!can_be_rebuilt(batch)) return;
    for (auto codec : {Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd}) {
      SharedBytes packed = rebuilt(batch, codec);
      RecordBatch compressed(packed.bytes);
      EXPECT_EQ(compressed.codec(), codec);
      ASSERT_TRUE(check_batch(compressed).has_value());
      // Unpacked again it is the batch that the records make without compression.
      EXPECT_EQ(golden::to_hex(rebuilt(compressed, Compression::kNone).bytes),
                golden::to_hex(rebuilt(batch, Compression::kNone).bytes));
    }
  });
}

TEST(GoldenLogs, BatchOfLogAppendTimeIsTheProducersWithTimeAndChecksumPatched) {
  int seen = 0;
  for_each_batch("data-solo.tar.gz", [&](const RecordBatch& batch, const std::string&, size_t) {
    if (!batch.is_log_append_time()) return;
    ++seen;
    ByteVector bytes = to_vector(batch.bytes());
    store_be(bytes.data() + 21, static_cast<int16_t>(batch.attributes() & ~kLogAppendTimeBit));
    set_max_timestamp(bytes, batch.base_timestamp());
    EXPECT_TRUE(RecordBatch(bytes).crc_matches());
    EXPECT_NE(RecordBatch(bytes).crc(), batch.crc());
    set_log_append_time(bytes, batch.max_timestamp());
    EXPECT_EQ(golden::to_hex(bytes), golden::to_hex(batch.bytes()));
  });
  EXPECT_GT(seen, 0);
}

}  // namespace
}  // namespace weir::protocol
