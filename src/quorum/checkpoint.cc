#include "quorum/checkpoint.h"

#include <fmt/format.h>

#include <charconv>

#include "protocol/batch_builder.h"
#include "protocol/control_record.h"
#include "protocol/messages/kraft_version_record.h"
#include "protocol/messages/snapshot_footer_record.h"
#include "protocol/messages/snapshot_header_record.h"
#include "protocol/messages/voters_record.h"
#include "protocol/reader.h"
#include "protocol/record.h"
#include "protocol/record_batch.h"
#include "quorum/metadata_delta.h"

namespace weir::quorum {
namespace {

using protocol::BatchBuilder;
using protocol::ControlType;

// The largest batch that Kafka reads.
constexpr size_t kBatchSizeMax = 8388608;
constexpr std::string_view kSuffix = ".checkpoint";
constexpr size_t kOffsetDigits = 20;
constexpr size_t kEpochDigits = 10;

template <class Int>
std::optional<Int> parse_digits(std::string_view text) {
  Int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.starts_with('-')) return std::nullopt;
  return number;
}

// Writes batches one behind the other into the file.
class CheckpointWriter {
 public:
  CheckpointWriter(File& file, LeaderEpoch epoch, Timestamp now) : file_(file), epoch_(epoch), now_(now) {}

  Result<> write_header(const CheckpointHeader& header) {
    BatchBuilder batch(options(true));
    const protocol::SnapshotHeaderRecord record{.last_contained_log_timestamp = header.last_contained_time.value()};
    TRY(append_control(batch, now_, ControlType::kSnapshotHeader, record, 0));
    if (header.kraft_version > 0) {
      const protocol::KRaftVersionRecord version{.kraft_version = header.kraft_version};
      TRY(append_control(batch, now_, ControlType::kKraftVersion, version, 0));
      if (!header.voters.empty()) {
        TRY(append_control(batch, now_, ControlType::kKraftVoters, header.voters.to_record(), 0));
      }
    }
    return write(batch);
  }

  Result<> write_records(const MetadataRecords& records) {
    BatchBuilder batch(options(false));
    for (size_t i = 0; i < records.size(); ++i) {
      const ByteView value = records[i];
      if (!batch.empty() && batch.size() + BatchBuilder::record_size_max(std::nullopt, value) > kBatchSizeMax) {
        TRY(write(batch));
        batch = BatchBuilder(options(false));
      }
      batch.append(now_, std::nullopt, value);
    }
    return batch.empty() ? Result<>() : write(batch);
  }

  Result<> write_footer() {
    BatchBuilder batch(options(true));
    TRY(append_control(batch, now_, ControlType::kSnapshotFooter, protocol::SnapshotFooterRecord{}, 0));
    return write(batch);
  }

 private:
  [[nodiscard]] protocol::BatchOptions options(bool is_control) const {
    protocol::BatchOptions options;
    options.is_control = is_control;
    options.base_offset = next_offset_;
    options.leader_epoch = epoch_;
    return options;
  }
  Result<> write(BatchBuilder& batch) {
    next_offset_ += batch.record_count();
    const SharedBytes bytes = batch.finish();
    TRY(file_.write_at(position_, bytes.bytes));
    position_ += bytes.bytes.size();
    return {};
  }

  File& file_;
  LeaderEpoch epoch_;
  Timestamp now_;
  Offset next_offset_{0};
  uint64_t position_ = 0;
};

// Takes a checkpoint apart.
class CheckpointParser {
 public:
  CheckpointParser(const std::string& path, CheckpointContent& content) : path_(path), content_(content) {}

  Result<> parse() {
    ByteView left = as_bytes(content_.bytes);
    while (!left.empty()) {
      auto batch = protocol::take_batch(left);
      if (!batch) return corrupt(batch.error().message);
      if (auto valid = protocol::check_batch(*batch); !valid) return corrupt(valid.error().message);
      if (has_footer_) return corrupt("something follows the footer");
      TRY(parse_batch(*batch));
    }
    // The footer is written last: without it some records may be missing.
    if (!has_header_) return corrupt("it has no header");
    if (!has_footer_) return corrupt("it has no footer");
    return {};
  }

 private:
  [[nodiscard]] std::unexpected<Error> corrupt(std::string_view why) const {
    return fail(Errc::kCorrupt, fmt::format("{}: {}", path_, why));
  }

  Result<> parse_batch(const protocol::RecordBatch& batch) {
    if (batch.codec() != protocol::Compression::kNone) return corrupt("a compressed batch");
    protocol::RecordCursor cursor(batch, batch.records());
    while (true) {
      auto record = cursor.next();
      if (!record) return corrupt(record.error().message);
      if (!*record) return {};
      if (!(*record)->value) return corrupt("a record without a value");
      if (batch.is_control()) {
        TRY(parse_control(**record));
      } else if (!has_header_) {
        return corrupt("records before the header");
      } else {
        content_.values.push_back(*(*record)->value);
      }
    }
  }

  template <class Message>
  Result<> decode(ByteView value, Message& message) {
    protocol::Reader in(value);
    if (auto decoded = message.decode(in, 0); !decoded) return corrupt(decoded.error().message);
    return {};
  }

  Result<> parse_control(const protocol::Record& record) {
    if (!record.key) return corrupt("a control record without a key");
    TRY_ASSIGN(const ControlType type, protocol::parse_control_key(*record.key));
    const ByteView value = *record.value;
    if (type == ControlType::kSnapshotHeader) {
      protocol::SnapshotHeaderRecord header;
      TRY(decode(value, header));
      content_.header.last_contained_time = Timestamp(header.last_contained_log_timestamp);
      has_header_ = true;
    } else if (type == ControlType::kKraftVersion) {
      protocol::KRaftVersionRecord version;
      TRY(decode(value, version));
      content_.header.kraft_version = version.kraft_version;
    } else if (type == ControlType::kKraftVoters) {
      protocol::VotersRecord voters;
      TRY(decode(value, voters));
      content_.header.voters = VoterSet::from_record(voters);
    } else if (type == ControlType::kSnapshotFooter) {
      has_footer_ = true;
    }
    return {};
  }

  const std::string& path_;
  CheckpointContent& content_;
  bool has_header_ = false;
  bool has_footer_ = false;
};

}  // namespace

std::string checkpoint_name(const SnapshotId& id) {
  return fmt::format("{:020}-{:010}{}", id.end_offset.value(), id.epoch.value(), kSuffix);
}

std::optional<SnapshotId> parse_checkpoint_name(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  if (name.size() != kOffsetDigits + 1 + kEpochDigits || name[kOffsetDigits] != '-') return std::nullopt;
  const auto offset = parse_digits<int64_t>(name.substr(0, kOffsetDigits));
  const auto epoch = parse_digits<int32_t>(name.substr(kOffsetDigits + 1));
  if (!offset || !epoch) return std::nullopt;
  return SnapshotId{Offset(*offset), LeaderEpoch(*epoch)};
}

Result<CheckpointContent> read_checkpoint(Disk& disk, const std::string& path) {
  CheckpointContent content;
  TRY_ASSIGN(content.bytes, disk.read_file(path));
  TRY(CheckpointParser(path, content).parse());
  return content;
}

Result<> write_checkpoint(Disk& disk, const CheckpointTarget& target, const CheckpointHeader& header,
                          const MetadataRecords& records, Timestamp now) {
  const std::string path = target.directory + "/" + target.name;
  const std::string part = path.substr(0, path.size() - kSuffix.size()) + std::string(kPartSuffix);
  {
    TRY_ASSIGN(auto file, disk.open(part, OpenMode::kTruncate));
    CheckpointWriter writer(*file, target.epoch, now);
    TRY(writer.write_header(header));
    TRY(writer.write_records(records));
    TRY(writer.write_footer());
    TRY(file->sync());
  }
  if (target.freeze) TRY(disk.make_read_only(part));
  TRY(disk.rename(part, path));
  return disk.sync_directory(target.directory);
}

Result<MetadataRecords> read_bootstrap_records(Disk& disk, const std::string& metadata_log_dir) {
  auto content = read_checkpoint(disk, metadata_log_dir + "/" + std::string(kBootstrapCheckpoint));
  MetadataRecords records(kLatestMetadataVersion);
  if (!content && content.error().code == Errc::kNotFound) {
    add_default_features(kLatestMetadataVersion, records);
    return records;
  }
  if (!content) return std::unexpected(std::move(content).error());
  MetadataDelta delta{MetadataImage{}};
  for (ByteView value : content->values) {
    TRY(delta.replay(value));
    records.add_encoded(value);
  }
  TRY_ASSIGN(const auto outcome, std::move(delta).finish({}));
  if (!outcome.image.features.contains(kMetadataVersionFeature)) {
    return fail(Errc::kCorrupt, fmt::format("{}/{} says no metadata.version", metadata_log_dir, kBootstrapCheckpoint));
  }
  records.set_version(outcome.image.metadata_version());
  return records;
}

}  // namespace weir::quorum
