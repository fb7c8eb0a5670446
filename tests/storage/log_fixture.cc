#include "storage/log_fixture.h"

namespace weir::storage {

using protocol::RecordBatch;

ByteVector make_batch(const BatchSpec& spec) {
  protocol::BatchBuilder builder({.codec = spec.codec, .is_transactional = spec.transactional});
  const std::string value(spec.value_size, 'v');
  for (int i = 0; i < spec.records; ++i) {
    const std::string key = "k" + std::to_string(i);
    builder.append(spec.timestamp + i, spec.keys ? std::optional(as_bytes(key)) : std::nullopt, as_bytes(value));
  }
  if (spec.producer_id != kNoProducerId) {
    builder.set_producer(spec.producer_id, spec.producer_epoch, spec.sequence, spec.transactional);
  }
  return to_vector(builder.finish().bytes);
}

ByteVector make_marker(protocol::ControlType type, ProducerId id, ProducerEpoch epoch, int32_t coordinator_epoch) {
  return to_vector(protocol::end_txn_marker_batch(type, id, epoch, coordinator_epoch, Timestamp(5'000)).bytes);
}

ByteVector read_all(Log& log, Offset from, Offset upper) {
  ByteVector all;
  while (true) {
    const auto read = log.read(from, 300, upper, true);
    if (!read && read.error().code == Errc::kWouldBlock) {
      EXPECT_TRUE(log.missed().file->bring_in(log.missed().position, log.missed().length));
      continue;
    }
    EXPECT_TRUE(read.has_value()) << (read ? "" : read.error().message);
    if (!read || read->records.length == 0) return all;
    ByteVector piece(read->records.length);
    EXPECT_EQ(*read->records.file->read_at(read->records.position, piece), piece.size());
    Offset next = from;
    size_t whole = 0;
    for (const RecordBatch& batch : batches_in(piece)) {
      next = batch.next_offset();
      whole += batch.size();
    }
    EXPECT_GT(next, from) << "a read without progress";
    if (next <= from) return all;
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<ptrdiff_t>(whole));
    from = next;
  }
}

std::vector<RecordBatch> batches_in(ByteView bytes) {
  std::vector<RecordBatch> batches;
  while (true) {
    const auto batch = protocol::take_batch(bytes);
    if (!batch) return batches;
    EXPECT_TRUE(protocol::check_batch(*batch));
    batches.push_back(*batch);
  }
}

void copy_folder(Disk& from, Disk& to, const std::string& folder) {
  EXPECT_TRUE(to.create_directories(folder));
  const auto entries = from.list(folder);
  ASSERT_TRUE(entries.has_value());
  for (const FileInfo& entry : *entries) {
    const std::string path = folder + "/" + entry.name;
    if (entry.is_directory) {
      copy_folder(from, to, path);
    } else {
      EXPECT_TRUE((*to.open(path, OpenMode::kTruncate))->write_at(0, as_bytes(*from.read_file(path))));
    }
  }
}

Result<> LogFixture::open(bool was_clean, Offset recovery_point, Offset log_start) {
  TRY_ASSIGN(log_, Log::open({.disk = disk_,
                              .files = files_,
                              .directory = folder_,
                              .partition = {"t", PartitionIndex(0)},
                              .topic_id = topic_id_,
                              .config = config_,
                              .was_clean = was_clean,
                              .recovery_point = recovery_point,
                              .log_start_offset = log_start,
                              .now = now_}));
  return {};
}

void LogFixture::restart() {
  const Offset start = log_->log_start_offset();
  const Offset end = log_->log_end_offset();
  log_->detach();
  ASSERT_TRUE(log_->close());
  EXPECT_EQ(log_->recovery_point(), end);
  log_.reset();
  ASSERT_TRUE(open(true, end, start));
  EXPECT_EQ(log_->log_end_offset(), end);
}

void LogFixture::crash_and_open(Offset recovery_point, Offset log_start) {
  log_.reset();
  disk_.process_ended();
  const Result<> opened = open(false, recovery_point, log_start);
  ASSERT_TRUE(opened) << opened.error().message;
}

void LogFixture::flush() {
  const auto job = log_->start_flush(FlushNeed::kAll, now_);
  ASSERT_TRUE(job);
  const Result<> ran = job->run();
  EXPECT_TRUE(ran);
  log_->finish_flush(*job, ran);
}

AppendResult LogFixture::append_bytes(ByteVector batch, AppendOrigin origin, LeaderEpoch epoch) {
  return log_->append_as_leader(batch, {.leader_epoch = epoch, .now = now_, .origin = origin});
}

AppendResult LogFixture::append(const BatchSpec& spec, LeaderEpoch epoch) {
  return append_bytes(make_batch(spec), AppendOrigin::kClient, epoch);
}

void LogFixture::append_good(const BatchSpec& spec, int times) {
  for (int i = 0; i < times; ++i) {
    const AppendResult appended = append(spec);
    ASSERT_TRUE(appended) << appended.error().message;
  }
}

void LogFixture::append_marker(protocol::ControlType type, ProducerId id, ProducerEpoch epoch) {
  const AppendResult appended = append_bytes(make_marker(type, id, epoch), AppendOrigin::kCoordinator);
  ASSERT_TRUE(appended) << appended.error().message;
}

std::vector<RecordBatch> LogFixture::served(Offset from) {
  served_bytes_ = read_all(*log_, from, log_->log_end_offset());
  return batches_in(served_bytes_);
}

std::vector<std::string> LogFixture::file_names() {
  std::vector<std::string> names;
  for (const FileInfo& file : disk_.list(folder_).value_or(std::vector<FileInfo>())) names.push_back(file.name);
  std::ranges::sort(names);
  return names;
}

}  // namespace weir::storage
