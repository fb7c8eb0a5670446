// WithoutRoom: the producers to whom a full disk has refused a batch. The refusal makes a gap in the sequence, and what
// such a producer had sent behind it meanwhile must not be told of it: it has done nothing wrong, and librdkafka then
// gives up the epoch of all its partitions and sends again, under another, what may be in some of them already. Owned
// by a log, its thread only.
#pragma once

#include <algorithm>
#include <vector>

#include "base/types.h"
#include "storage/producer_state.h"

namespace weir::storage {

class WithoutRoom {
 public:
  void refused(ProducerId id) {
    if (Entry* entry = find(id); entry != nullptr) {
      entry->excused = 0;
    } else if (entries_.size() < kProducersMax) {
      entries_.push_back({id, 0});
    }
  }
  void appended(ProducerId id) {
    std::erase_if(entries_, [id](const Entry& entry) { return entry.id == id; });
  }

  // Whether a gap in the producer's sequence comes of a refusal: of so many batches as it may have had in flight, since
  // one that goes on without what was refused has to hear of its gap at last.
  [[nodiscard]] bool excuses(ProducerId id) {
    Entry* entry = find(id);
    return entry != nullptr && entry->excused++ < kProducerBatchesKept;
  }

 private:
  // Those beyond hear of a gap.
  static constexpr size_t kProducersMax = 1000;

  struct Entry {
    ProducerId id;
    size_t excused;
  };

  Entry* find(ProducerId id) {
    const auto found = std::ranges::find(entries_, id, &Entry::id);
    return found == entries_.end() ? nullptr : &*found;
  }

  std::vector<Entry> entries_;
};

}  // namespace weir::storage
