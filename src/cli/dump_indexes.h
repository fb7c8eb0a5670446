// The small files of a data directory as lines. Plain; any thread. Formats: docs/formats/.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace weir::cli {

enum class FileKind : uint8_t {
  kBatches,
  kOffsetIndex,
  kTimeIndex,
  kTransactionIndex,
  kProducerSnapshot,
  kText,
  kUnknown
};
FileKind file_kind_of(std::string_view path);

// Appends the lines of a file other than kBatches; false when something is wrong with it, which the lines tell.
// `base_offset` is that of the file's name.
bool dump_small_file(FileKind kind, ByteView bytes, int64_t base_offset, bool as_json, std::string& out);

// The 20 digits at the start of a file's name, 0 when there are none.
int64_t base_offset_of(std::string_view path);

}  // namespace weir::cli
