// How much memory a peer can make a decoder take with few bytes: the limit that protocol/message.h promises.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/json/reflection.h"
#include "protocol/message.h"
#include "protocol/writer.h"

namespace weir::protocol {
namespace {

class DecodedSize {
 public:
  DecodedSize(const MessageInfo& info, int16_t version) : info_(info), version_(version) {}

  // Checks every array below `structure`, which the fields of `path` lead to.
  void check(const StructInfo& structure, std::vector<const FieldInfo*> path) {
    for (const FieldInfo& field : structure.fields) {
      if (!field.versions.contains(version_)) continue;
      path.push_back(&field);
      if (field.is_array) check_array(path);
      if (field.structure != nullptr) check(*field.structure, path);
      path.pop_back();
    }
  }

 private:
  // Elements at their defaults are the shortest there are.
  void check_array(const std::vector<const FieldInfo*>& path) {
    constexpr size_t kMany = 1000;
    size_t few = encoded_size(path, kMany);
    size_t many = encoded_size(path, 2 * kMany);
    ASSERT_GT(many, few) << path.back()->name;
    EXPECT_LE(path.back()->container->element_size * kMany, kDecodedSizeFactor * (many - few)) << path.back()->name;
  }

  size_t encoded_size(const std::vector<const FieldInfo*>& path, size_t count) {
    auto message = info_.make();
    void* at = message.get();
    for (const FieldInfo* field : path) {
      void* member = static_cast<uint8_t*>(at) + field->offset;
      at = field->container->make_value(member, field == path.back() ? count : 1);
    }
    Writer out;
    auto encoded = info_.encode(message.get(), out, version_);
    EXPECT_TRUE(encoded.has_value()) << encoded.error().message;
    return out.size();
  }

  const MessageInfo& info_;
  int16_t version_;
};

TEST(Messages, DecodedTakeAtMostThePromisedMultipleOfTheirBytes) {
  for (const MessageInfo* info : all_messages()) {
    for (int16_t version = info->versions.min; version <= info->versions.max; ++version) {
      SCOPED_TRACE(std::string(info->name) + " v" + std::to_string(version));
      DecodedSize(*info, version).check(*info->structure, {});
    }
  }
}

}  // namespace
}  // namespace weir::protocol
