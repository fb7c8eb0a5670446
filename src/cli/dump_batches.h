// The content of segments and snapshots as lines. Plain; any thread. Formats: docs/formats/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace weir::cli {

// What the records of a log mean, by the topic of its directory.
enum class RecordKind : uint8_t { kUser, kMetadata, kGroup, kTransaction, kShare };
RecordKind record_kind_of(std::string_view path);

class BatchDumper {
 public:
  BatchDumper(RecordKind kind, bool records, bool as_json) : kind_(kind), records_(records), as_json_(as_json) {}

  // Appends the lines of the whole batches at the front of `bytes`, which lie at `position` of their file; gives how
  // many bytes they have. With `last` set nothing follows, and what is left over is told of.
  size_t dump(ByteView bytes, uint64_t position, bool last, std::string& out);
  // Something was wrong with what was seen so far.
  [[nodiscard]] bool found_damage() const { return damage_; }
  // Nothing behind this can be made sense of.
  [[nodiscard]] bool at_end() const { return end_; }

 private:
  void dump_batch(ByteView entry, uint64_t position, std::string& out);
  void dump_records(ByteView entry, std::string& out);
  void damaged(uint64_t position, std::string_view what, std::string& out);

  RecordKind kind_;
  bool records_;
  bool as_json_;
  bool damage_ = false;
  bool end_ = false;
};

}  // namespace weir::cli
