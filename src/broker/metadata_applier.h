// MetadataApplier: makes a broker be what the metadata say. Each committed change is carried out on all shards
// (partitions opened, changed, deleted; settings; coordinators) before their images show it and before the next one
// begins, so that what an image names can be used. Partitions whose logs find no room on the disk are opened when there
// is some. Lives on the controller's loop.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "base/loop.h"
#include "base/sync.h"
#include "broker/partition_key.h"
#include "quorum/metadata_loader.h"

namespace weir::broker {

struct NodeContext;

class MetadataApplier final : public quorum::MetadataSubscriber {
 public:
  MetadataApplier(NodeContext& node, Loop& loop) : node_(node), loop_(loop) {}

  void on_metadata(const quorum::MetadataUpdate& update) override;
  // Waits until everything is applied that was committed when it was called.
  Task<void> caught_up();
  // Waits until something more is applied.
  Wait changed() { return progress_.wait(); }
  // Of the last record that is applied; kNoOffset before the first.
  [[nodiscard]] Offset applied_offset() const { return applied_; }

 private:
  Task<void> apply_all();
  Task<void> apply(const quorum::MetadataUpdate& update);
  Task<void> open_when_there_is_room();
  void enqueue(const quorum::MetadataUpdate& update);

  NodeContext& node_;
  Loop& loop_;
  // The front one is being applied. Bounded by what the controller appends.
  std::deque<quorum::MetadataUpdate> updates_;
  std::shared_ptr<const quorum::MetadataImage> last_image_;  // as of the last update that was received
  std::vector<PartitionKey> without_room_;
  bool waits_for_room_ = false;
  Offset received_ = kNoOffset;
  Offset applied_ = kNoOffset;
  WaitList progress_;
};

}  // namespace weir::broker
