#include "client/fetched.h"

#include <algorithm>

#include "protocol/control_record.h"
#include "protocol/record_batch.h"

namespace weir::client {
namespace {

// The most that the records of one batch may have: what a compressed batch claims is not believed beyond it.
constexpr size_t kBatchContentMax = size_t{1} << 30;

std::optional<std::string_view> text(const std::optional<ByteView>& bytes) {
  return bytes ? std::optional(as_text(*bytes)) : std::nullopt;
}

}  // namespace

FetchedRecords::FetchedRecords(std::shared_ptr<const Source> source, ByteView batches, Offset from,
                               std::vector<AbortedTransaction> aborted)
    : source_(std::move(source)),
      size_(batches.size()),
      position_(from),
      next_fetch_(from),
      aborted_(std::move(aborted)) {
  size_t whole = 0;
  while (auto frame = protocol::sniff_entry(batches.subspan(whole)).value_or(std::nullopt)) {
    if (frame->size > batches.size() - whole) break;
    const ByteView entry = batches.subspan(whole, frame->size);
    const Offset last = frame->magic == protocol::kMagic ? protocol::RecordBatch(entry).last_offset() : frame->offset;
    next_fetch_ = std::max(next_fetch_, last + 1);
    whole += frame->size;
  }
  whole_ = rest_ = batches.first(whole);
  std::ranges::sort(aborted_, {}, &AbortedTransaction::first);
}

bool FetchedRecords::is_aborted(const protocol::RecordBatch& batch) {
  auto reached = aborted_.begin();
  while (reached != aborted_.end() && reached->first <= batch.last_offset()) aborting_.insert(reached++->producer);
  aborted_.erase(aborted_.begin(), reached);
  return batch.is_transactional() && aborting_.contains(batch.producer_id());
}

// Goes on to the next batch with records for the application; none is open at the end.
Result<> FetchedRecords::open_next() {
  while (!rest_.empty()) {
    ByteView after = rest_;
    TRY_ASSIGN(const protocol::RecordBatch batch, protocol::take_batch(after));
    TRY(protocol::check_batch(batch));
    const bool aborted = is_aborted(batch);
    rest_ = after;
    if (batch.is_control()) {
      // A marker ends its producer's transaction; whatever comes after it counts again.
      TRY_ASSIGN(auto opened, protocol::open_batch(batch, kBatchContentMax));
      TRY_ASSIGN(const auto marker, opened.cursor.next());
      const auto type =
          marker && marker->key ? protocol::parse_control_key(*marker->key) : protocol::ControlType::kCommit;
      if (type && *type == protocol::ControlType::kAbort) aborting_.erase(batch.producer_id());
    } else if (!aborted && batch.record_count() > 0) {
      TRY_ASSIGN(auto opened, protocol::open_batch(batch, kBatchContentMax));
      open_ = Open{batch, opened.cursor, std::make_shared<const Buffer>(std::move(opened.records.owner))};
      return {};
    }
    position_ = std::max(position_, batch.next_offset());
  }
  return {};
}

Result<> FetchedRecords::read(size_t count, ConsumedRecords& out) {
  bool owners_added = false;
  const size_t end = out.records.size() + count;
  while (out.records.size() < end) {
    if (!open_) {
      TRY(open_next());
      if (!open_) break;
      owners_added = false;
    }
    TRY_ASSIGN(const auto record, open_->cursor.next());
    if (!record) {
      position_ = std::max(position_, open_->batch.next_offset());
      open_.reset();
      continue;
    }
    if (record->offset < position_) continue;
    position_ = record->offset + 1;
    if (!owners_added) {
      out.owners.push_back(source_);
      out.owners.push_back(open_->decompressed);
      owners_added = true;
    }
    ConsumedRecord& taken =
        out.records.emplace_back(ConsumedRecord{.topic = source_->topic,
                                                .partition = source_->partition,
                                                .offset = record->offset,
                                                .timestamp = record->timestamp,
                                                .log_append_time = open_->batch.is_log_append_time(),
                                                .key = text(record->key),
                                                .value = text(record->value)});
    for (auto left = record->headers; auto header = left.next();) {
      taken.headers.push_back({header->key, text(header->value)});
    }
  }
  // Batches that hold nothing for the application are passed at once, so that the position tells the truth.
  if (!open_ && out.records.size() < end) position_ = std::max(position_, next_fetch_);
  return {};
}

}  // namespace weir::client
