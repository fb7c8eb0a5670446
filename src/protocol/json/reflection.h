// Tables that describe every message to code that walks it field by field: the JSON form (json.h), tests, fuzzers.
// Constants, made by src/protocol/generator; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"

namespace weir::protocol {

class Reader;
class Writer;
struct StructInfo;

enum class FieldType : uint8_t {
  kBool,
  kInt8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kInt64,
  kFloat64,
  kUuid,
  kString,
  kBytes,
  kRecords,
  kStruct,
};

struct VersionRange {
  int16_t min;
  int16_t max;
  [[nodiscard]] bool contains(int16_t version) const { return version >= min && version <= max; }
};

// How to reach the values inside a member that is an optional, a vector or both. For a plain member: always one value.
struct Container {
  bool (*has_value)(const void* member);
  void (*set_null)(void* member);
  void* (*make_value)(void* member,
                      size_t count);  // engages the optional, gives the vector `count` elements; the first element
  size_t (*size)(const void* member);
  const void* (*data)(const void* member);
  size_t element_size;
};

struct FieldInfo {
  std::string_view name;  // as in Kafka's JSON form
  FieldType type;         // of the elements, for an array
  bool is_array;
  bool is_optional;  // the member is a std::optional
  int32_t tag;       // -1: not tagged
  VersionRange versions;
  VersionRange null_versions;
  size_t offset;
  const Container* container;
  const StructInfo* structure;  // of kStruct
};

struct StructInfo {
  std::string_view name;
  std::span<const FieldInfo> fields;  // in the order of the schema
  const void* (*defaults)();          // an instance with the protocol's defaults
};

enum class MessageKind : uint8_t { kRequest, kResponse, kHeader, kData, kRecord, kKey, kValue };

struct MessageInfo {
  std::string_view name;
  std::string_view group;  // the folder of its schema: clients, metadata, raft, group-coordinator, ...
  MessageKind kind;
  int16_t key;  // API key or record type, -1 none
  VersionRange versions;
  int16_t first_flexible_version;
  const StructInfo* structure;
  std::shared_ptr<void> (*make)();
  Result<void> (*decode)(void* message, Reader& in, int16_t version);
  Result<void> (*encode)(const void* message, Writer& out, int16_t version);
};

// Ascending by name.
std::span<const MessageInfo* const> all_messages();
// Null when there is none.
const MessageInfo* find_message(std::string_view name);
// The request or response of an API, the metadata record of a type, the key or value of a coordinator's record type.
const MessageInfo* find_message(std::string_view group, MessageKind kind, int16_t key);

}  // namespace weir::protocol
