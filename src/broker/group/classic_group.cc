#include "broker/group/classic_group.h"

#include <algorithm>

#include "base/check.h"
#include "protocol/messages/consumer_protocol_subscription.h"
#include "protocol/reader.h"

namespace weir::broker {
namespace {

constexpr std::string_view kConsumerProtocolType = "consumer";
// What a member, a pending id and a group cost besides their strings, roughly.
constexpr size_t kMemberOverhead = 512;
constexpr size_t kPendingOverhead = 320;
constexpr size_t kGroupOverhead = 768;

bool legal(GroupState from, GroupState to) {
  switch (to) {
    case GroupState::kEmpty:
    case GroupState::kCompletingRebalance:
      return from == GroupState::kPreparingRebalance;
    case GroupState::kPreparingRebalance:
      return from != GroupState::kPreparingRebalance;
    case GroupState::kStable:
      return from == GroupState::kCompletingRebalance;
  }
  return false;
}

// Adds the topics of a subscription in the consumer's own format; false when it does not parse.
bool add_topics(ByteView metadata, std::set<std::string, std::less<>>& topics) {
  protocol::Reader in(metadata);
  const int16_t version = in.int16();
  if (in.failed() || version < 0) return false;
  // A newer version only adds fields behind the known ones.
  const int16_t known = std::min(version, protocol::ConsumerProtocolSubscription::kMaxVersion);
  protocol::ConsumerProtocolSubscription subscription;
  if (!subscription.decode(in, known)) return false;
  topics.insert(subscription.topics.begin(), subscription.topics.end());
  return true;
}

}  // namespace

std::string_view group_state_name(GroupState state) {
  switch (state) {
    case GroupState::kEmpty:
      return "Empty";
    case GroupState::kPreparingRebalance:
      return "PreparingRebalance";
    case GroupState::kCompletingRebalance:
      return "CompletingRebalance";
    case GroupState::kStable:
      return "Stable";
  }
  return "Unknown";
}

std::vector<GroupProtocol> to_protocols(const protocol::JoinGroupRequest& request) {
  std::vector<GroupProtocol> protocols;
  protocols.reserve(request.protocols.size());
  for (const auto& p : request.protocols) {
    // Kafka's request holds a set keyed by name: of two with one name the first counts.
    const bool known = std::ranges::any_of(protocols, [&](const auto& other) { return other.name == p.name; });
    if (!known) protocols.push_back({std::string(p.name), to_vector(p.metadata)});
  }
  return protocols;
}

bool GroupMember::speaks(const protocol::JoinGroupRequest& request) const { return protocols == to_protocols(request); }

ByteView GroupMember::metadata(std::string_view protocol) const {
  for (const auto& p : protocols) {
    if (p.name == protocol) return p.metadata;
  }
  return {};
}

size_t GroupMember::size() const {
  size_t size = kMemberOverhead + 4 * id.size() + client_id.size() + client_host.size() + assignment.size();
  if (instance_id) size += 2 * instance_id->size();
  for (const auto& p : protocols) size += sizeof p + p.name.size() + p.metadata.size();
  return size;
}

ClassicGroup::ClassicGroup(std::string id, std::vector<GroupTimeout>& expired, size_t& memory_bytes, Timestamp now)
    : join_timer(expired, {GroupTimeout::Kind::kJoin, id, {}}),
      sync_timer(expired, {GroupTimeout::Kind::kSync, id, {}}),
      id_(std::move(id)),
      expired_(expired),
      state_since_(now),
      total_memory_bytes_(memory_bytes) {
  grow(kGroupOverhead + 4 * id_.size());
}

void ClassicGroup::move_to(GroupState state, Timestamp now) {
  CHECK(legal(state_, state), "group {} from {} to {}", id_, group_state_name(state_), group_state_name(state));
  previous_state_ = state_;
  state_ = state;
  state_since_ = now;
}

std::unique_ptr<GroupTimer> ClassicGroup::new_timer(GroupTimeout::Kind kind, std::string_view member_id) const {
  return std::make_unique<GroupTimer>(expired_, GroupTimeout{kind, id_, std::string(member_id)});
}

GroupMember* ClassicGroup::find(std::string_view member_id) const {
  const auto it = by_id_.find(std::string(member_id));
  return it == by_id_.end() ? nullptr : it->second;
}

GroupMember* ClassicGroup::find_static(std::string_view instance_id) const {
  const auto it = by_instance_.find(std::string(instance_id));
  return it == by_instance_.end() ? nullptr : it->second;
}

GroupMember& ClassicGroup::add(GroupMember member, std::string_view protocol_type) {
  CHECK(!by_id_.contains(member.id), "member {} of group {} twice", member.id, id_);
  if (members_.empty()) protocol_type_ = std::string(protocol_type);
  if (pending_.erase(member.id) > 0) shrink(kPendingOverhead);
  member.session = new_timer(GroupTimeout::Kind::kSession, member.id);
  GroupMember& added = *members_.emplace_back(std::make_unique<GroupMember>(std::move(member)));
  by_id_.emplace(added.id, &added);
  if (added.instance_id) by_instance_.insert_or_assign(*added.instance_id, &added);
  if (!leader_) leader_ = added.id;
  grow(added.size());
  count_protocols(added, +1);
  return added;
}

void ClassicGroup::update(GroupMember& member, std::vector<GroupProtocol> protocols, int32_t rebalance_timeout_ms,
                          int32_t session_timeout_ms) {
  shrink(member.size());
  count_protocols(member, -1);
  member.protocols = std::move(protocols);
  member.rebalance_timeout_ms = rebalance_timeout_ms;
  member.session_timeout_ms = session_timeout_ms;
  count_protocols(member, +1);
  grow(member.size());
}

void ClassicGroup::shrink(size_t bytes) {
  CHECK(bytes <= memory_bytes_, "group {} gives back {} bytes of {}", id_, bytes, memory_bytes_);
  memory_bytes_ -= bytes;
  total_memory_bytes_ -= bytes;
}

void ClassicGroup::assign(GroupMember& member, ByteVector assignment) {
  shrink(member.assignment.size());
  member.assignment = std::move(assignment);
  grow(member.assignment.size());
}

void ClassicGroup::remove(std::string_view member_id) {
  const std::string id(member_id);
  if (pending_.erase(id) > 0) shrink(kPendingOverhead);
  pending_sync_.erase(id);
  const auto it = std::ranges::find_if(members_, [&](const auto& member) { return member->id == id; });
  if (it == members_.end()) return;
  const GroupMember& member = **it;
  CHECK(!member.awaits_join() && !member.awaits_sync(), "member {} is removed unanswered", id);
  shrink(member.size());
  count_protocols(member, -1);
  if (member.instance_id) by_instance_.erase(*member.instance_id);
  by_id_.erase(id);
  members_.erase(it);
  if (is_leader(id)) leader_ = members_.empty() ? std::nullopt : std::optional(members_.front()->id);
}

void ClassicGroup::rename(GroupMember& member, std::string_view new_id) {
  CHECK(!member.awaits_join() && !member.awaits_sync(), "member {} is renamed unanswered", member.id);
  CHECK(!by_id_.contains(std::string(new_id)), "member {} of group {} twice", new_id, id_);
  shrink(member.size());
  by_id_.erase(member.id);
  if (is_leader(member.id)) leader_ = std::string(new_id);
  if (pending_sync_.erase(member.id) > 0) pending_sync_.emplace(new_id);
  member.id = new_id;
  member.session->rename_member(new_id);
  by_id_.emplace(member.id, &member);
  grow(member.size());
}

protocol::ErrorCode ClassicGroup::validate(std::string_view member_id,
                                           const std::optional<std::string_view>& instance_id) const {
  if (instance_id) {
    const GroupMember* holder = find_static(*instance_id);
    if (holder == nullptr) return protocol::ErrorCode::kUnknownMemberId;
    if (holder->id != member_id) return protocol::ErrorCode::kFencedInstanceId;
  }
  return find(member_id) == nullptr ? protocol::ErrorCode::kUnknownMemberId : protocol::ErrorCode::kNone;
}

void ClassicGroup::add_pending(std::string_view member_id) {
  pending_.emplace(member_id, new_timer(GroupTimeout::Kind::kPendingMember, member_id));
  grow(kPendingOverhead);
}

bool ClassicGroup::sync_arrived(std::string_view member_id) {
  pending_sync_.erase(std::string(member_id));
  return pending_sync_.empty();
}

void ClassicGroup::await_join(GroupMember& member, ReplyToken join) {
  CHECK(!member.awaits_join() && join != kNoReply, "member {} of group {}", member.id, id_);
  member.join = join;
  ++awaiting_join_count_;
}

ReplyToken ClassicGroup::take_join(GroupMember& member) {
  if (member.awaits_join()) --awaiting_join_count_;
  return std::exchange(member.join, kNoReply);
}

void ClassicGroup::count_protocols(const GroupMember& member, int delta) {
  for (const auto& p : member.protocols) {
    size_t& count = supporters_[p.name];
    count = delta > 0 ? count + 1 : count - 1;
    if (count == 0) supporters_.erase(p.name);
  }
}

milliseconds ClassicGroup::rebalance_timeout() const {
  int32_t longest = 0;
  for (const auto& member : members_) longest = std::max(longest, member->rebalance_timeout_ms);
  return milliseconds(longest);
}

bool ClassicGroup::supports(const protocol::JoinGroupRequest& request) const {
  if (request.protocols.empty() || request.protocol_type.empty()) return false;
  if (state_ == GroupState::kEmpty) return true;
  if (protocol_type_ != request.protocol_type && !members_.empty()) return false;
  if (members_.empty()) return true;
  return std::ranges::any_of(request.protocols, [&](const auto& wanted) {
    const auto it = supporters_.find(wanted.name);
    return it != supporters_.end() && it->second == members_.size();
  });
}

std::string ClassicGroup::select_protocol() const {
  CHECK(!members_.empty(), "group {} has nobody to choose a protocol", id_);
  std::vector<std::pair<std::string_view, size_t>>
      votes;  // in the order of the first vote, which decides between equals
  for (const auto& member : members_) {
    const auto choice = std::ranges::find_if(member->protocols,
                                             [&](const auto& p) { return supporters_.at(p.name) == members_.size(); });
    CHECK(choice != member->protocols.end(), "group {} has no protocol in common", id_);
    const auto known = std::ranges::find(votes, choice->name, &std::pair<std::string_view, size_t>::first);
    if (known == votes.end()) {
      votes.emplace_back(choice->name, 1);
    } else {
      ++known->second;
    }
  }
  return std::string(std::ranges::max_element(votes, {}, &std::pair<std::string_view, size_t>::second)->first);
}

bool ClassicGroup::elect_joined_leader() {
  if (!leader_) return false;
  if (find(*leader_)->awaits_join()) return true;
  const auto joined = std::ranges::find_if(members_, [](const auto& member) { return member->awaits_join(); });
  if (joined == members_.end()) return false;
  leader_ = (*joined)->id;
  return true;
}

void ClassicGroup::begin_generation(Timestamp now) {
  // Generations wrap to stay positive: a negative one means "not a member".
  generation_ = generation_ == INT32_MAX ? 1 : generation_ + 1;
  protocol_name_ = members_.empty() ? std::nullopt : std::optional(select_protocol());
  move_to(members_.empty() ? GroupState::kEmpty : GroupState::kCompletingRebalance, now);
  pending_sync_.clear();
  compute_subscribed_topics();
}

bool ClassicGroup::is_subscribed(std::string_view topic) const {
  return subscribed_ ? subscribed_->contains(topic) : protocol_type_ == kConsumerProtocolType;
}

void ClassicGroup::compute_subscribed_topics() {
  subscribed_.reset();
  if (protocol_type_ != kConsumerProtocolType) return;
  std::set<std::string, std::less<>> topics;
  if (!members_.empty()) {
    if (!protocol_name_) return;
    for (const auto& member : members_) {
      if (!add_topics(member->metadata(*protocol_name_), topics)) return;
    }
  }
  subscribed_ = std::move(topics);
}

void ClassicGroup::become_stable(int32_t generation, Timestamp now) {
  generation_ = generation;
  protocol_name_ = select_protocol();
  state_ = GroupState::kStable;
  state_since_ = now;
  compute_subscribed_topics();
}

void ClassicGroup::load(const protocol::GroupMetadataValue& value) {
  CHECK(members_.empty() && pending_.empty(), "group {} is loaded over members", id_);
  generation_ = value.generation;
  protocol_name_ = value.protocol ? std::optional<std::string>(*value.protocol) : std::nullopt;
  leader_.reset();
  for (const auto& m : value.members) {
    if (by_id_.contains(std::string(m.member_id))) continue;
    GroupMember member;
    member.id = m.member_id;
    if (m.group_instance_id) member.instance_id = std::string(*m.group_instance_id);
    member.client_id = m.client_id;
    member.client_host = m.client_host;
    // Records before version 1 do not have the rebalance timeout.
    member.rebalance_timeout_ms = m.rebalance_timeout == -1 ? m.session_timeout : m.rebalance_timeout;
    member.session_timeout_ms = m.session_timeout;
    member.protocols.push_back({protocol_name_.value_or(""), to_vector(m.subscription)});
    member.assignment = to_vector(m.assignment);
    add(std::move(member), value.protocol_type);
  }
  protocol_type_ = value.protocol_type.empty() ? std::nullopt : std::optional<std::string>(value.protocol_type);
  if (value.leader && by_id_.contains(std::string(*value.leader))) leader_ = std::string(*value.leader);
  state_ = members_.empty() ? GroupState::kEmpty : GroupState::kStable;
  state_since_ =
      value.current_state_timestamp == -1 ? std::nullopt : std::optional(Timestamp(value.current_state_timestamp));
  persisted = true;
  compute_subscribed_topics();
}

}  // namespace weir::broker
