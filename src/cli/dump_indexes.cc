#include "cli/dump_indexes.h"

#include <algorithm>
#include <charconv>

#include "cli/dump_entry.h"
#include "protocol/crc32c.h"
#include "protocol/reader.h"

namespace weir::cli {
namespace {

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

constexpr size_t kOffsetEntrySize = 8;
constexpr size_t kTimeEntrySize = 12;
constexpr size_t kAbortedEntrySize = 34;

// Entries follow each other; an open index is filled up with zeros.
void dump_offset_index(protocol::Reader in, int64_t base, bool as_json, std::string& out) {
  for (bool first = true; in.remaining() >= kOffsetEntrySize; first = false) {
    const int32_t relative = in.int32();
    const int32_t position = in.int32();
    if (relative == 0 && position == 0 && !first) return;
    if (relative == 0 && position == 0 && in.remaining() > 0) return;
    DumpEntry("index").number("offset", base + relative).number("position", position).append_to(out, as_json);
  }
}

void dump_time_index(protocol::Reader in, int64_t base, bool as_json, std::string& out) {
  while (in.remaining() >= kTimeEntrySize) {
    const int64_t timestamp = in.int64();
    const int32_t relative = in.int32();
    if (timestamp == 0 && relative == 0) return;
    DumpEntry("time").number("timestamp", timestamp).number("offset", base + relative).append_to(out, as_json);
  }
}

void dump_transaction_index(protocol::Reader in, bool as_json, std::string& out) {
  while (in.remaining() >= kAbortedEntrySize) {
    DumpEntry entry("aborted");
    entry.number("version", in.int16()).number("producer_id", in.int64()).number("first_offset", in.int64());
    entry.number("last_offset", in.int64()).number("last_stable_offset", in.int64()).append_to(out, as_json);
  }
}

bool dump_producers(ByteView bytes, bool as_json, std::string& out) {
  constexpr size_t kChecksummedFrom = 6;
  protocol::Reader in(bytes);
  const int16_t version = in.int16();
  const uint32_t crc = in.uint32();
  int32_t count = in.int32();
  const bool good = !in.failed() && version == 1 && crc == protocol::crc32c(bytes.subspan(kChecksummedFrom));
  DumpEntry("snapshot")
      .number("version", version)
      .number("producers", count)
      .text("crc", good ? "good" : "bad")
      .append_to(out, as_json);
  for (; good && count > 0 && !in.failed(); --count) {
    DumpEntry entry("producer", 1);
    entry.number("id", in.int64()).number("epoch", in.int16()).number("last_sequence", in.int32());
    entry.number("last_offset", in.int64()).number("offset_delta", in.int32()).number("timestamp", in.int64());
    entry.number("coordinator_epoch", in.int32()).number("transaction_first_offset", in.int64());
    entry.append_to(out, as_json);
  }
  return good && !in.failed();
}

void dump_text(std::string_view text, bool as_json, std::string& out) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (as_json) {
      DumpEntry("line").text("text", line).append_to(out, true);
    } else {
      out.append("  ").append(line).append("\n");
    }
  }
}

}  // namespace

FileKind file_kind_of(std::string_view path) {
  std::string_view name = name_of(path);
  for (const std::string_view passing : {".deleted", ".swap", ".cleaned", ".part"}) {
    if (name.ends_with(passing)) name.remove_suffix(passing.size());
  }
  if (name.ends_with(".log") || name.ends_with(".checkpoint")) return FileKind::kBatches;
  if (name.ends_with(".index")) return FileKind::kOffsetIndex;
  if (name.ends_with(".timeindex")) return FileKind::kTimeIndex;
  if (name.ends_with(".txnindex")) return FileKind::kTransactionIndex;
  if (name.ends_with(".snapshot")) return FileKind::kProducerSnapshot;
  const bool text = name.ends_with("-checkpoint") || name == "partition.metadata" || name == "meta.properties" ||
                    name == "quorum-state" || name == ".kafka_cleanshutdown";
  return text ? FileKind::kText : FileKind::kUnknown;
}

int64_t base_offset_of(std::string_view path) {
  const std::string_view name = name_of(path);
  int64_t offset = 0;
  if (name.size() > 20) std::from_chars(name.data(), name.data() + 20, offset);
  return offset;
}

bool dump_small_file(FileKind kind, ByteView bytes, int64_t base_offset, bool as_json, std::string& out) {
  switch (kind) {
    case FileKind::kOffsetIndex:
      dump_offset_index(protocol::Reader(bytes), base_offset, as_json, out);
      return bytes.size() % kOffsetEntrySize == 0;
    case FileKind::kTimeIndex:
      dump_time_index(protocol::Reader(bytes), base_offset, as_json, out);
      return bytes.size() % kTimeEntrySize == 0;
    case FileKind::kTransactionIndex:
      dump_transaction_index(protocol::Reader(bytes), as_json, out);
      return bytes.size() % kAbortedEntrySize == 0;
    case FileKind::kProducerSnapshot:
      return dump_producers(bytes, as_json, out);
    case FileKind::kText:
      dump_text(as_text(bytes), as_json, out);
      return true;
    case FileKind::kBatches:
    case FileKind::kUnknown:
      break;
  }
  return false;
}

}  // namespace weir::cli
