#include "protocol/testing/random_message.h"

#include <array>
#include <bit>
#include <cmath>
#include <string_view>

#include "base/uuid.h"
#include "protocol/records.h"

namespace weir::protocol {
namespace {

constexpr std::array<std::string_view, 8> kCharacters = {"a", "Z", "-", "\n", "\"", "é", "€", "😀"};
constexpr size_t kElementsMax = 3;
constexpr int kDeep = 3;  // arrays below this depth are short: sizes multiply

template <class T>
void set(void* value, T made) {
  *static_cast<T*>(value) = made;
}

}  // namespace

// splitmix64.
uint64_t RandomMessages::SeededRandom::next() {
  uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::shared_ptr<void> RandomMessages::make(const MessageInfo& info, int16_t version) {
  auto message = info.make();
  fill_struct(*info.structure, message.get(), version, 0);
  return message;
}

std::string_view RandomMessages::bytes(size_t size) {
  std::string& made = kept_.emplace_back(size, '\0');
  for (char& c : made) c = static_cast<char>(random_.next());
  return made;
}

std::string_view RandomMessages::text() {
  // Now and then long enough for a length of two bytes in the compact form.
  size_t length = random_.below(chance(10) ? 200 : 8);
  std::string& made = kept_.emplace_back();
  while (made.size() < length) made += kCharacters[random_.below(kCharacters.size())];
  return made;
}

int64_t RandomMessages::number() {
  switch (random_.below(6)) {
    case 0:
      return 0;
    case 1:
      return -1;
    case 2:
      return INT64_MIN;  // cut to a narrower type: 0
    case 3:
      return static_cast<int64_t>(random_.below(200));
    case 4:
      return static_cast<int64_t>(random_.next() >> random_.below(64));
    default:
      return static_cast<int64_t>(random_.next());
  }
}

void RandomMessages::fill_struct(const StructInfo& info, void* structure, int16_t version, int depth) {
  for (const FieldInfo& field : info.fields) {
    if (!field.versions.contains(version)) continue;
    if (field.tag >= 0 && chance(3)) continue;  // at its default, which is not written
    fill_member(field, static_cast<uint8_t*>(structure) + field.offset, version, depth);
  }
}

void RandomMessages::fill_member(const FieldInfo& field, void* member, int16_t version, int depth) {
  if (field.is_optional && field.null_versions.contains(version) && chance(4)) return field.container->set_null(member);
  size_t count = random_.below(depth >= kDeep ? 2 : kElementsMax + 1);
  auto* element = static_cast<uint8_t*>(field.container->make_value(member, count));
  if (!field.is_array) count = 1;
  for (size_t i = 0; i < count; ++i) {
    fill_value(field, element + i * field.container->element_size, version, depth + (field.is_array ? 1 : 0));
  }
}

void RandomMessages::fill_value(const FieldInfo& field, void* value, int16_t version, int depth) {
  switch (field.type) {
    case FieldType::kBool:
      return set(value, chance(2));
    case FieldType::kInt8:
      return set(value, static_cast<int8_t>(number()));
    case FieldType::kInt16:
      return set(value, static_cast<int16_t>(number()));
    case FieldType::kUint16:
      return set(value, static_cast<uint16_t>(number()));
    case FieldType::kInt32:
      return set(value, static_cast<int32_t>(number()));
    case FieldType::kUint32:
      return set(value, static_cast<uint32_t>(number()));
    case FieldType::kInt64:
      return set(value, number());
    case FieldType::kFloat64: {
      // Any bits, but no NaN: it would not equal itself.
      auto made = std::bit_cast<double>(random_.next());
      return set(value, std::isnan(made) ? 0.5 : made);
    }
    case FieldType::kUuid:
      return set(value, Uuid(random_.next(), static_cast<uint64_t>(number())));
    case FieldType::kString:
      return set(value, text());
    case FieldType::kBytes:
      return set(value, as_bytes(bytes(random_.below(chance(10) ? 300 : 10))));
    case FieldType::kRecords:
      return set(value, Records(as_bytes(bytes(random_.below(chance(10) ? 20000 : 100)))));
    case FieldType::kStruct:
      return fill_struct(*field.structure, value, version, depth);
  }
}

}  // namespace weir::protocol
