#include "broker/handlers/topic_metadata.h"

#include <algorithm>
#include <cctype>

namespace weir::broker {

using protocol::ErrorCode;

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" || name == "__share_group_state";
}

bool is_valid_topic_name(std::string_view name) {
  constexpr size_t kLengthMax = 249;
  if (name.empty() || name.size() > kLengthMax || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
  });
}

std::vector<int32_t> node_numbers(const std::vector<NodeId>& nodes) {
  std::vector<int32_t> numbers;
  numbers.reserve(nodes.size());
  for (const NodeId node : nodes) numbers.push_back(node.value());
  return numbers;
}

std::vector<int32_t> offline_replicas(const quorum::MetadataImage& image, const quorum::PartitionImage& partition) {
  std::vector<int32_t> offline;
  for (size_t i = 0; i < partition.replicas.size(); ++i) {
    const quorum::BrokerImage* broker = image.broker(partition.replicas[i]);
    const bool lost = i < partition.directories.size() && partition.directories[i] == quorum::kLostDirectory;
    if (broker == nullptr || broker->fenced || lost) offline.push_back(partition.replicas[i].value());
  }
  return offline;
}

ErrorCode leader_error(const quorum::MetadataImage& image, const quorum::PartitionImage& partition,
                       std::string_view listener) {
  const quorum::BrokerImage* leader = image.broker(partition.leader);
  if (leader == nullptr || leader->fenced) return ErrorCode::kLeaderNotAvailable;
  return leader->endpoint(listener) == nullptr ? ErrorCode::kListenerNotFound : ErrorCode::kNone;
}

}  // namespace weir::broker
