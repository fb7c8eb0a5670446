#include "storage/partition_metadata.h"

#include <fmt/format.h>

#include "storage/file_names.h"

namespace weir::storage {
namespace {

constexpr std::string_view kVersionLine = "version: 0\n";
constexpr std::string_view kTopicIdKey = "topic_id: ";

}  // namespace

Result<Uuid> parse_partition_metadata(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.starts_with(kVersionLine) || !text.substr(kVersionLine.size()).starts_with(kTopicIdKey)) {
    return fail(Errc::kCorrupt, "partition.metadata is not of version 0 with a topic id");
  }
  Result<Uuid> id = Uuid::parse(text.substr(kVersionLine.size() + kTopicIdKey.size()));
  if (!id) return fail(Errc::kCorrupt, "partition.metadata: " + id.error().message);
  return id;
}

Result<Uuid> read_partition_metadata(Disk& disk, const std::string& directory) {
  TRY_ASSIGN(std::string text, disk.read_file(fmt::format("{}/{}", directory, kPartitionMetadataFile)));
  return parse_partition_metadata(text);
}

Result<> write_partition_metadata(Disk& disk, const std::string& directory, const Uuid& topic_id) {
  const std::string path = fmt::format("{}/{}", directory, kPartitionMetadataFile);
  const std::string temporary = path + ".tmp";
  {
    TRY_ASSIGN(const std::shared_ptr<File> file, disk.open(temporary, OpenMode::kTruncate));
    TRY(file->write_at(0, as_bytes(fmt::format("{}{}{}", kVersionLine, kTopicIdKey, topic_id.to_string()))));
    TRY(file->sync());
  }
  return disk.rename(temporary, path);
}

}  // namespace weir::storage
