// MetadataLoader: replays what is committed in the metadata log, and tells its subscribers of each new image. A
// metadata transaction is shown whole at its end, or not at all. Owned by the node; its loop (the controller's) only.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "quorum/metadata_delta.h"
#include "quorum/metadata_image.h"

namespace weir::quorum {

// From one image to the next. The parts are immutable: any thread may keep them.
struct MetadataUpdate {
  std::shared_ptr<const MetadataImage> before;
  std::shared_ptr<const MetadataImage> after;
  std::shared_ptr<const MetadataChanges> changes;
};

// Called on the loader's loop, in the order of the log. Must not block.
class MetadataSubscriber {
 public:
  virtual ~MetadataSubscriber() = default;
  virtual void on_metadata(const MetadataUpdate& update) = 0;
};

// Committed records that follow each other in the log, of one batch or of a snapshot.
struct CommittedRecords {
  std::span<const ByteView> values;
  Provenance last;  // of the last of them
};

class MetadataLoader {
 public:
  MetadataLoader() : image_(std::make_shared<const MetadataImage>()) {}

  // Starts over from the records of a snapshot. Errors as load().
  Result<> load_snapshot(const CommittedRecords& records);
  // Takes the next records in and tells the subscribers, unless a transaction is open. kCorrupt and kUnsupported when
  // the log cannot be understood: the node must stop, since it would act on metadata that is wrong.
  Result<> load(const CommittedRecords& records);

  // Without what an open transaction holds so far.
  [[nodiscard]] const std::shared_ptr<const MetadataImage>& image() const { return image_; }
  [[nodiscard]] bool transaction_is_open() const { return transaction_.has_value(); }

  // A new subscriber is told of all that is there, as of one change from nothing, when there is anything.
  void subscribe(MetadataSubscriber& subscriber);
  void unsubscribe(MetadataSubscriber& subscriber);

 private:
  Result<> replay(ByteView value);
  void publish(std::shared_ptr<const MetadataImage> after, std::shared_ptr<const MetadataChanges> changes);

  std::shared_ptr<const MetadataImage> image_;
  std::optional<MetadataDelta> delta_;        // what is not shown yet
  std::optional<MetadataDelta> transaction_;  // delta_ as it was before the open transaction
  std::vector<MetadataSubscriber*> subscribers_;
};

}  // namespace weir::quorum
