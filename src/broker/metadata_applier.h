// MetadataApplier: makes a broker be what the metadata say. Each committed change is carried out on all shards
// (partitions opened, changed, deleted; settings; coordinators) before their images show it and before the next one
// begins, so that what an image names can be used. Lives on the controller's loop.
#pragma once

#include <deque>

#include "base/loop.h"
#include "base/sync.h"
#include "quorum/metadata_loader.h"

namespace weir::broker {

struct NodeContext;

class MetadataApplier final : public quorum::MetadataSubscriber {
 public:
  MetadataApplier(NodeContext& node, Loop& loop) : node_(node), loop_(loop) {}

  void on_metadata(const quorum::MetadataUpdate& update) override;
  // Waits until everything is applied that was committed when it was called.
  Task<void> caught_up();
  // Of the last record that is applied; kNoOffset before the first.
  [[nodiscard]] Offset applied_offset() const { return applied_; }

 private:
  Task<void> apply_all();
  Task<void> apply(const quorum::MetadataUpdate& update);

  NodeContext& node_;
  Loop& loop_;
  std::deque<quorum::MetadataUpdate>
      updates_;  // the front one is being applied; bounded by what the controller appends
  Offset received_ = kNoOffset;
  Offset applied_ = kNoOffset;
  WaitList progress_;
};

}  // namespace weir::broker
