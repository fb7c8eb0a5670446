#include "quorum/metadata_loader.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::quorum {

Result<> MetadataLoader::load_snapshot(const CommittedRecords& records) {
  transaction_.reset();
  delta_.emplace(MetadataImage{});
  for (ByteView value : records.values) TRY(replay(value));
  if (transaction_) return fail(Errc::kCorrupt, "the snapshot ends in a metadata transaction");
  TRY_ASSIGN(auto outcome, std::move(*delta_).finish(records.last));
  delta_.reset();
  auto after = std::make_shared<const MetadataImage>(std::move(outcome.image));
  publish(after, std::make_shared<const MetadataChanges>(difference(*image_, *after)));
  return {};
}

Result<> MetadataLoader::load(const CommittedRecords& records) {
  if (!delta_) delta_.emplace(*image_);
  for (ByteView value : records.values) TRY(replay(value));
  if (transaction_) return {};
  TRY_ASSIGN(auto outcome, std::move(*delta_).finish(records.last));
  delta_.reset();
  publish(std::make_shared<const MetadataImage>(std::move(outcome.image)),
          std::make_shared<const MetadataChanges>(std::move(outcome.changes)));
  return {};
}

Result<> MetadataLoader::replay(ByteView value) {
  TRY_ASSIGN(const auto record, decode_metadata_record(value));
  if (std::holds_alternative<protocol::BeginTransactionRecord>(record)) {
    if (transaction_) return fail(Errc::kCorrupt, "a metadata transaction begins inside another");
    TRY_ASSIGN(transaction_, delta_->fork());
  } else if (std::holds_alternative<protocol::EndTransactionRecord>(record)) {
    if (!transaction_) return fail(Errc::kCorrupt, "a metadata transaction ends that has not begun");
    transaction_.reset();
  } else if (std::holds_alternative<protocol::AbortTransactionRecord>(record)) {
    if (!transaction_) return fail(Errc::kCorrupt, "a metadata transaction is aborted that has not begun");
    delta_ = std::move(transaction_);
    transaction_.reset();
  }
  return delta_->replay(record);
}

void MetadataLoader::publish(std::shared_ptr<const MetadataImage> after,
                             std::shared_ptr<const MetadataChanges> changes) {
  const MetadataUpdate update{std::exchange(image_, after), std::move(after), std::move(changes)};
  // A subscriber may leave while it is told.
  const auto subscribers = subscribers_;
  for (MetadataSubscriber* subscriber : subscribers) subscriber->on_metadata(update);
}

void MetadataLoader::subscribe(MetadataSubscriber& subscriber) {
  subscribers_.push_back(&subscriber);
  if (image_->provenance.last_offset == kNoOffset) return;
  auto nothing = std::make_shared<const MetadataImage>();
  auto changes = std::make_shared<const MetadataChanges>(difference(*nothing, *image_));
  subscriber.on_metadata({std::move(nothing), image_, std::move(changes)});
}

void MetadataLoader::unsubscribe(MetadataSubscriber& subscriber) { std::erase(subscribers_, &subscriber); }

}  // namespace weir::quorum
