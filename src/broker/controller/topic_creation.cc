#include "broker/controller/topic_creation.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "broker/controller/leadership.h"
#include "quorum/metadata_delta.h"

namespace weir::broker {
namespace {

constexpr size_t kTopicNameSizeMax = 249;

bool is_legal_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string unified(std::string_view name) {
  std::string result(name);
  std::ranges::replace(result, '.', '_');
  return result;
}

ApiError bad_assignment(std::string message) {
  return {protocol::ErrorCode::kInvalidReplicaAssignment, std::move(message)};
}

}  // namespace

std::optional<std::string> topic_name_problem(std::string_view name) {
  if (name.empty()) return "Topic name is invalid: it is empty";
  if (name == "." || name == "..") return "Topic name is invalid: '.' and '..' are not allowed";
  if (name.size() > kTopicNameSizeMax) {
    return fmt::format("Topic name is invalid: it has {} characters, more than {}", name.size(), kTopicNameSizeMax);
  }
  if (!std::ranges::all_of(name, is_legal_character)) {
    return fmt::format(
        "Topic name is invalid: '{}' has characters other than ASCII letters and digits, '.', '_' and '-'", name);
  }
  return std::nullopt;
}

const std::string* colliding_topic(const quorum::MetadataImage& image, std::string_view name) {
  const size_t first = name.find_first_of("._");
  if (first == std::string_view::npos) return nullptr;
  const std::string wanted = unified(name);
  // Names that are one after the mapping begin alike up to the first mapped character.
  const std::string_view prefix = name.substr(0, first);
  for (auto at = image.topics_by_name.lower_bound(prefix);
       at != image.topics_by_name.end() && std::string_view(at->first).starts_with(prefix); ++at) {
    if (at->first != name && unified(at->first) == wanted) return &at->first;
  }
  return nullptr;
}

std::optional<ApiError> check_assignment(const quorum::MetadataImage& image, const std::vector<NodeId>& replicas,
                                         std::optional<size_t> replication_factor) {
  if (replicas.empty()) return bad_assignment("The manual partition assignment includes an empty replica list.");
  std::set<NodeId> seen;
  for (NodeId id : replicas) {
    if (image.broker(id) == nullptr) {
      return bad_assignment(fmt::format(
          "The manual partition assignment includes broker {}, but no such broker is registered.", id.value()));
    }
    if (!seen.insert(id).second) {
      return bad_assignment(
          fmt::format("The manual partition assignment includes the broker {} more than once.", id.value()));
    }
  }
  if (replication_factor && replicas.size() != *replication_factor) {
    return bad_assignment(fmt::format(
        "The manual partition assignment includes a partition with {} replica(s), but other partitions have {}.",
        replicas.size(), *replication_factor));
  }
  if (std::ranges::none_of(replicas, [&](NodeId id) { return image.broker(id)->is_active(); })) {
    return bad_assignment("All brokers of a partition in the manual assignment are fenced or shutting down.");
  }
  return std::nullopt;
}

protocol::PartitionRecord new_partition(const quorum::MetadataImage& image, const Uuid& topic_id, int32_t index,
                                        const std::vector<NodeId>& replicas) {
  protocol::PartitionRecord record;
  record.partition_id = index;
  record.topic_id = topic_id;
  record.replicas = quorum::to_ints(replicas);
  for (NodeId id : replicas) {
    if (image.metadata_version().has_directories()) record.directories.push_back(default_directory(image, id));
    if (image.broker(id)->is_active()) record.isr.push_back(id.value());
  }
  record.leader = record.isr.front();
  record.leader_epoch = 0;
  record.partition_epoch = 0;
  return record;
}

}  // namespace weir::broker
