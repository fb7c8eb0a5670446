#include "cli/dump_batches.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/dump_entry.h"
#include "protocol/control_record.h"
#include "protocol/json/json.h"
#include "protocol/json/reflection.h"
#include "protocol/reader.h"
#include "protocol/record.h"

namespace weir::cli {
namespace {

using protocol::MessageKind;
using protocol::RecordBatch;

// More than any batch that a broker takes unpacks to; a damaged one may claim anything.
constexpr size_t kContentMax = size_t{1} << 30;

std::string hex(ByteView bytes) {
  std::string out = "\"";
  protocol::append_hex(out, bytes);
  return out + "\"";
}

// Bytes that begin with an int16 version, as the message of the given name. The bytes when that fails.
std::string decode_versioned(const protocol::MessageInfo* info, ByteView bytes) {
  protocol::Reader reader(bytes);
  const int16_t version = reader.int16();
  if (info == nullptr || reader.failed() || !info->versions.contains(version)) return hex(bytes);
  return protocol::decode_to_json(*info, bytes, version).value_or(hex(bytes));
}

void add_metadata(DumpEntry& entry, ByteView value) {
  protocol::Reader reader(value);
  const uint32_t frame = reader.unsigned_varint();
  const auto type = static_cast<int16_t>(reader.unsigned_varint());
  const auto version = static_cast<int16_t>(reader.unsigned_varint());
  const auto* info = protocol::find_message("metadata", MessageKind::kRecord, type);
  const auto decoded = reader.failed() || info == nullptr || frame != 1 || !info->versions.contains(version)
                           ? Result<std::string>(hex(value))
                           : protocol::decode_to_json(*info, reader.rest(), version);
  entry.text("type", info == nullptr ? "unknown" : info->name).number("version", version);
  entry.json("record", decoded.value_or(hex(value)));
}

void add_coordinator(DumpEntry& entry, std::string_view group, const protocol::Record& record) {
  if (!record.key || record.key->size() < 2) return;
  protocol::Reader key(*record.key);
  const int16_t type = key.int16();
  const auto* key_info = protocol::find_message(group, MessageKind::kKey, type);
  if (key_info == nullptr) {
    entry.number("type", type).json("key", hex(*record.key));
    return;
  }
  entry.text("type", key_info->name.substr(0, key_info->name.size() - 3));
  entry.json("key", protocol::decode_to_json(*key_info, key.rest(), 0).value_or(hex(*record.key)));
  if (!record.value) {
    entry.json("value", "null");
    return;
  }
  protocol::Reader value(*record.value);
  const int16_t version = value.int16();
  const auto* value_info = protocol::find_message(group, MessageKind::kValue, type);
  const bool known = value_info != nullptr && !value.failed() && value_info->versions.contains(version);
  entry.number("version", version);
  entry.json("value", known ? protocol::decode_to_json(*value_info, value.rest(), version).value_or(hex(*record.value))
                            : hex(*record.value));
}

void add_control(DumpEntry& entry, const protocol::Record& record) {
  const auto type = record.key ? protocol::parse_control_key(*record.key) : protocol::ControlType::kCommit;
  if (!type || !record.value) return;
  const auto named = [&](std::string_view name, std::string_view message) {
    entry.text("control", name);
    entry.json("record", decode_versioned(protocol::find_message(message), *record.value));
  };
  switch (*type) {
    case protocol::ControlType::kAbort:
    case protocol::ControlType::kCommit:
      entry.text("control", *type == protocol::ControlType::kAbort ? "ABORT" : "COMMIT");
      entry.number("coordinator_epoch", protocol::parse_end_txn_marker(*record.value).value_or(-1));
      break;
    case protocol::ControlType::kLeaderChange:
      return named("LEADER_CHANGE", "LeaderChangeMessage");
    case protocol::ControlType::kSnapshotHeader:
      return named("SNAPSHOT_HEADER", "SnapshotHeaderRecord");
    case protocol::ControlType::kSnapshotFooter:
      return named("SNAPSHOT_FOOTER", "SnapshotFooterRecord");
    case protocol::ControlType::kKraftVersion:
      return named("KRAFT_VERSION", "KRaftVersionRecord");
    case protocol::ControlType::kKraftVoters:
      return named("KRAFT_VOTERS", "VotersRecord");
  }
}

void add_user(DumpEntry& entry, const protocol::Record& record) {
  entry.bytes("key", record.key).bytes("value", record.value);
  std::string headers = "[";
  for (auto left = record.headers; auto header = left.next();) {
    if (headers.size() > 1) headers += ',';
    headers += R"({"key":)";
    protocol::append_json_string(headers, header->key);
    headers += R"(,"value":)" + (header->value ? hex(*header->value) : "null") + "}";
  }
  if (headers.size() > 1) entry.json("headers", headers + "]");
}

}  // namespace

RecordKind record_kind_of(std::string_view path) {
  const auto in = [&](std::string_view topic) { return path.find(topic) != std::string_view::npos; };
  if (in("__cluster_metadata-") || path.ends_with(".checkpoint")) return RecordKind::kMetadata;
  if (in("__consumer_offsets-")) return RecordKind::kGroup;
  if (in("__transaction_state-")) return RecordKind::kTransaction;
  if (in("__share_group_state-")) return RecordKind::kShare;
  return RecordKind::kUser;
}

void BatchDumper::damaged(uint64_t position, std::string_view what, std::string& out) {
  damage_ = true;
  DumpEntry("damage").number("position", static_cast<int64_t>(position)).text("what", what).append_to(out, as_json_);
}

size_t BatchDumper::dump(ByteView bytes, uint64_t position, bool last, std::string& out) {
  size_t done = 0;
  while (!end_ && done < bytes.size()) {
    const ByteView rest = bytes.subspan(done);
    const uint64_t at = position + done;
    const auto frame = protocol::sniff_entry(rest);
    const bool zeros =
        std::ranges::all_of(rest.first(std::min<size_t>(rest.size(), 17)), [](uint8_t b) { return b == 0; });
    if (zeros || !frame) {
      end_ = true;
      // A segment that was made at its full size ends in zeros until it is closed.
      if (zeros) DumpEntry("preallocated").number("position", static_cast<int64_t>(at)).append_to(out, as_json_);
      if (!zeros) damaged(at, frame.error().message, out);
      return bytes.size();
    }
    if (!*frame || (*frame)->size > rest.size()) {
      if (last)
        damaged(at, fmt::format("the last batch is cut short: only {} bytes of it are there", rest.size()), out);
      return last ? bytes.size() : done;
    }
    dump_batch(rest.first((*frame)->size), at, out);
    done += (*frame)->size;
  }
  return done;
}

void BatchDumper::dump_batch(ByteView entry, uint64_t position, std::string& out) {
  const auto frame = protocol::sniff_entry(entry);
  if ((*frame)->magic != protocol::kMagic) {
    DumpEntry line("message");
    line.number("offset", (*frame)->offset.value()).number("position", static_cast<int64_t>(position));
    line.number("size", static_cast<int64_t>(entry.size())).number("magic", (*frame)->magic).append_to(out, as_json_);
    return;
  }
  const RecordBatch batch(entry);
  std::string flags;
  if (batch.is_control()) flags += ",control";
  if (batch.is_transactional()) flags += ",transactional";
  if (batch.is_log_append_time()) flags += ",append-time";
  if (batch.has_delete_horizon()) flags += ",delete-horizon";
  DumpEntry line("batch");
  line.number("offset", batch.base_offset().value()).number("last_offset", batch.last_offset().value());
  line.number("records", batch.record_count()).number("position", static_cast<int64_t>(position));
  line.number("size", static_cast<int64_t>(entry.size())).number("leader_epoch", batch.leader_epoch().value());
  line.number("timestamp", batch.base_timestamp().value()).number("max_timestamp", batch.max_timestamp().value());
  const auto codec = batch.attributes() & protocol::kCodecMask;
  line.text("compression", codec <= protocol::kCompressionMax ? protocol::compression_name(batch.codec()) : "unknown");
  if (batch.has_producer()) {
    line.number("producer_id", batch.producer_id().value()).number("producer_epoch", batch.producer_epoch().value());
    line.number("sequence", batch.base_sequence()).number("last_sequence", batch.last_sequence());
  }
  if (!flags.empty()) line.text("flags", flags.substr(1));
  line.append_to(out, as_json_);
  if (auto checked = protocol::check_batch(batch); !checked) return damaged(position, checked.error().message, out);
  if (records_) dump_records(entry, out);
}

void BatchDumper::dump_records(ByteView entry, std::string& out) {
  const RecordBatch batch(entry);
  auto open = protocol::open_batch(batch, kContentMax);
  if (!open) return damaged(0, open.error().message, out);
  for (;;) {
    const auto record = open->cursor.next();
    if (!record) return damaged(0, record.error().message, out);
    if (!*record) return;
    DumpEntry line("record", 1);
    line.number("offset", (*record)->offset.value()).number("timestamp", (*record)->timestamp.value());
    if (batch.is_control()) {
      add_control(line, **record);
    } else if (kind_ == RecordKind::kMetadata && (*record)->value) {
      add_metadata(line, *(*record)->value);
    } else if (kind_ == RecordKind::kGroup) {
      add_coordinator(line, "group-coordinator", **record);
    } else if (kind_ == RecordKind::kTransaction) {
      add_coordinator(line, "transaction-coordinator", **record);
    } else if (kind_ == RecordKind::kShare) {
      add_coordinator(line, "share-coordinator", **record);
    } else {
      add_user(line, **record);
    }
    line.append_to(out, as_json_);
  }
}

}  // namespace weir::cli
