#include "storage/batch_checks.h"

#include <fmt/format.h>

#include "protocol/batch_builder.h"
#include "protocol/record.h"

namespace weir::storage {
namespace {

using protocol::RecordBatch;

constexpr size_t kAttributesAt = 21;
// More would only repeat what the first ones say.
constexpr size_t kRecordErrorsMax = 100;

std::unexpected<AppendError> refuse(AppendErrorCode code, std::string message) {
  return std::unexpected(AppendError{code, std::move(message), {}});
}

std::unexpected<AppendError> refuse(const Error& error) {
  switch (error.code) {
    case Errc::kInvalidArgument:
      return refuse(AppendErrorCode::kInvalidRecord, error.message);
    case Errc::kTooLarge:
      return refuse(AppendErrorCode::kRecordTooLarge, error.message);
    default:
      return refuse(AppendErrorCode::kCorrupt, error.message);
  }
}

std::expected<void, AppendError> check_header(ByteView bytes, const LogConfig& config, const LeaderAppend& append) {
  // A size or a magic that cannot be is damage; anything else that is not one batch of magic 2 is a producer's mistake.
  const auto frame = protocol::sniff_entry(bytes);
  if (!frame) return refuse(frame.error());
  if (!*frame || (*frame)->magic != protocol::kMagic || (*frame)->size != bytes.size()) {
    return refuse(AppendErrorCode::kInvalidRecord, "not exactly one record batch of magic 2");
  }
  ByteView rest = bytes;
  const Result<RecordBatch> batch = protocol::take_batch(rest);
  if (!batch) return refuse(batch.error());
  const bool is_client = append.origin == AppendOrigin::kClient;
  if (is_client && batch->base_offset() != Offset(0)) {
    return refuse(AppendErrorCode::kInvalidRecord,
                  fmt::format("the base offset is {}, not 0", batch->base_offset().value()));
  }
  if (append.origin != AppendOrigin::kQuorum && bytes.size() > static_cast<size_t>(config.batch_size_max)) {
    return refuse(AppendErrorCode::kRecordTooLarge,
                  fmt::format("a batch of {} bytes is above the limit of {}", bytes.size(), config.batch_size_max));
  }
  const Result<> checked = is_client ? protocol::check_producer_batch(*batch) : protocol::check_batch(*batch);
  if (!checked) return refuse(checked.error());
  return {};
}

struct TimestampBounds {
  int64_t lowest;
  int64_t highest;
  [[nodiscard]] bool allow(Timestamp timestamp) const {
    return timestamp == kNoTimestamp || (timestamp.value() >= lowest && timestamp.value() <= highest);
  }
};

TimestampBounds bounds_at(Timestamp now, const LogConfig& config) {
  auto minus = [](int64_t a, int64_t b) { return a < INT64_MIN + b ? INT64_MIN : a - b; };
  auto plus = [](int64_t a, int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; };
  return {minus(now.value(), config.timestamp_before_max.count()),
          plus(now.value(), config.timestamp_after_max.count())};
}

// Whether the header alone shows that every record's timestamp is within bounds. It names the greatest timestamp; the
// least is known only of a single record, or when nothing is too old.
bool header_proves_timestamps(const RecordBatch& batch, const LogConfig& config, const TimestampBounds& bounds) {
  if (config.is_log_append_time) return true;
  if (!bounds.allow(batch.max_timestamp())) return false;
  return config.timestamp_before_max == milliseconds::max() || batch.record_count() == 1;
}

// Looks at each record; gives those that are wrong to `errors`, the good ones to `visit`.
template <class Visit>
std::expected<void, AppendError> walk(const RecordBatch& batch, const LogConfig& config, const TimestampBounds& bounds,
                                      Visit visit) {
  Result<protocol::OpenBatch> open = protocol::open_batch(batch, kOpenedBatchSizeMax);
  if (!open) return refuse(open.error());
  AppendError errors{};
  for (int32_t i = 0;; ++i) {
    Result<std::optional<protocol::Record>> record = open->cursor.next();
    if (!record) return refuse(AppendErrorCode::kInvalidRecord, record.error().message);
    if (!*record) break;
    if ((*record)->offset_delta != i) {
      return refuse(AppendErrorCode::kInvalidRecord,
                    fmt::format("record {} has the offset delta {}", i, (*record)->offset_delta));
    }
    if (config.compacts && !(*record)->key) {
      errors.code = AppendErrorCode::kInvalidRecord;
      errors.record_errors.push_back({i, "a record without a key in a compacted topic"});
    } else if (!config.is_log_append_time && !bounds.allow((*record)->timestamp)) {
      if (errors.record_errors.empty()) errors.code = AppendErrorCode::kInvalidTimestamp;
      errors.record_errors.push_back({i, fmt::format("timestamp {} is not within [{}, {}]",
                                                     (*record)->timestamp.value(), bounds.lowest, bounds.highest)});
    }
    if (errors.record_errors.size() >= kRecordErrorsMax) break;
    visit(**record);
  }
  if (errors.record_errors.empty()) return {};
  errors.message =
      fmt::format("{} records were refused: {}", errors.record_errors.size(), errors.record_errors.front().message);
  return std::unexpected(std::move(errors));
}

std::expected<CheckedBatch, AppendError> recompress(const RecordBatch& batch, const LogConfig& config,
                                                    const TimestampBounds& bounds) {
  protocol::BatchBuilder builder({.codec = *config.compression,
                                  .level = config.compression_level,
                                  .is_transactional = batch.is_transactional(),
                                  .producer_id = batch.producer_id(),
                                  .producer_epoch = batch.producer_epoch(),
                                  .base_sequence = batch.base_sequence()},
                                 batch.size());
  std::vector<protocol::RecordHeader> headers;
  auto walked = walk(batch, config, bounds, [&](const protocol::Record& record) {
    headers.clear();
    for (auto left = record.headers; auto header = left.next();) headers.push_back(*header);
    builder.append(record.timestamp, record.key, record.value, headers);
  });
  if (!walked) return std::unexpected(std::move(walked).error());
  SharedBytes rebuilt = builder.finish();
  if (rebuilt.bytes.size() > static_cast<size_t>(config.batch_size_max)) {
    return refuse(AppendErrorCode::kRecordTooLarge,
                  fmt::format("a batch of {} bytes, compressed as the topic asks, is above the limit of {}",
                              rebuilt.bytes.size(), config.batch_size_max));
  }
  uint8_t* start = rebuilt.owner.data() + (rebuilt.bytes.data() - rebuilt.owner.data());
  return CheckedBatch{{start, rebuilt.bytes.size()}, std::move(rebuilt.owner)};
}

// Clears the mark of LogAppendTime, which is the topic's to set.
void clear_log_append_time(MutableBytes batch) {
  const auto attributes = load_be<int16_t>(batch.data() + kAttributesAt);
  store_be(batch.data() + kAttributesAt, static_cast<int16_t>(attributes & ~protocol::kLogAppendTimeBit));
  protocol::set_max_timestamp(batch, RecordBatch(batch).max_timestamp());
}

}  // namespace

std::expected<CheckedBatch, AppendError> check_leader_batch(MutableBytes bytes, const LogConfig& config,
                                                            const LeaderAppend& append) {
  if (auto checked = check_header(bytes, config, append); !checked) {
    return std::unexpected(std::move(checked).error());
  }
  CheckedBatch checked{bytes, {}};
  const RecordBatch batch(bytes);
  if (append.origin == AppendOrigin::kClient) {
    if (config.is_log_append_time && batch.is_log_append_time()) {
      return refuse(AppendErrorCode::kInvalidTimestamp, "producers must not mark batches with the time of append");
    }
    const TimestampBounds bounds = bounds_at(append.now, config);
    if (config.compression && *config.compression != batch.codec()) {
      auto rebuilt = recompress(batch, config, bounds);
      if (!rebuilt) return rebuilt;
      checked = std::move(*rebuilt);
    } else {
      if (config.compacts || !header_proves_timestamps(batch, config, bounds)) {
        auto walked = walk(batch, config, bounds, [](const protocol::Record&) {});
        if (!walked) return std::unexpected(std::move(walked).error());
      }
      if (!config.is_log_append_time && batch.is_log_append_time()) clear_log_append_time(bytes);
    }
  }
  if (config.is_log_append_time && !RecordBatch(checked.bytes).is_control()) {
    protocol::set_log_append_time(checked.bytes, append.now);
  }
  return checked;
}

}  // namespace weir::storage
