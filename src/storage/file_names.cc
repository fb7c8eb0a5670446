#include "storage/file_names.h"

#include <fmt/format.h>

#include <charconv>

namespace weir::storage {
namespace {

constexpr size_t kOffsetDigits = 20;
constexpr size_t kUniqueDigits = 32;
constexpr size_t kNameSizeMax = 255;

std::string_view kind_suffix(DirectoryKind kind) {
  switch (kind) {
    case DirectoryKind::kLive:
      return "";
    case DirectoryKind::kDeleted:
      return "-delete";
    case DirectoryKind::kFuture:
      return "-future";
    case DirectoryKind::kStray:
      return "-stray";
  }
  return "";
}

template <class Int>
std::optional<Int> parse_digits(std::string_view text) {
  Int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || text[0] == '-') return std::nullopt;
  return number;
}

// Takes ".HEX-KIND" off the end of `name`.
DirectoryKind take_kind(std::string_view& name) {
  for (DirectoryKind kind : {DirectoryKind::kDeleted, DirectoryKind::kFuture, DirectoryKind::kStray}) {
    const std::string_view suffix = kind_suffix(kind);
    const size_t marked_size = 1 + kUniqueDigits + suffix.size();
    if (!name.ends_with(suffix) || name.size() <= marked_size) continue;
    const std::string_view mark = name.substr(name.size() - marked_size);
    if (mark[0] != '.' || mark.substr(1, kUniqueDigits).find_first_not_of("0123456789abcdef") != mark.npos) continue;
    name.remove_suffix(marked_size);
    return kind;
  }
  return DirectoryKind::kLive;
}

}  // namespace

std::string offset_file(std::string_view directory, Offset offset, std::string_view suffix) {
  return fmt::format("{}/{:020}{}", directory, offset.value(), suffix);
}

std::optional<OffsetFileName> parse_offset_file(std::string_view name) {
  if (name.size() <= kOffsetDigits || name[kOffsetDigits] != '.') return std::nullopt;
  const auto offset = parse_digits<int64_t>(name.substr(0, kOffsetDigits));
  if (!offset) return std::nullopt;
  return OffsetFileName{Offset(*offset), name.substr(kOffsetDigits)};
}

std::optional<PartitionDirectory> parse_partition_directory(std::string_view name) {
  const DirectoryKind kind = take_kind(name);
  const size_t dash = name.rfind('-');
  if (dash == name.npos || dash == 0) return std::nullopt;
  const auto index = parse_digits<int32_t>(name.substr(dash + 1));
  if (!index) return std::nullopt;
  return PartitionDirectory{{std::string(name.substr(0, dash)), PartitionIndex(*index)}, kind};
}

std::string marked_directory_name(const TopicPartition& partition, std::string_view unique, DirectoryKind kind) {
  const std::string tail = fmt::format("-{}.{}{}", partition.index.value(), unique, kind_suffix(kind));
  return partition.topic.substr(0, kNameSizeMax - tail.size()) + tail;
}

bool fits_marked_directory(const TopicPartition& partition, DirectoryKind kind) {
  const size_t marks = 1 + kUniqueDigits + kind_suffix(kind).size();
  return partition.to_string().size() + marks <= kNameSizeMax;
}

}  // namespace weir::storage
