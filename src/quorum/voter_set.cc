#include "quorum/voter_set.h"

#include <fmt/format.h>

#include <charconv>

namespace weir::quorum {
namespace {

template <class Int>
std::optional<Int> parse_number(std::string_view text) {
  Int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::unexpected<Error> bad_voter(std::string_view text, std::string_view why) {
  return fail(Errc::kInvalidArgument, fmt::format("voter \"{}\": {}", text, why));
}

// "host:port", where the host may be an IPv6 address in brackets.
Result<VoterEndpoint> parse_endpoint(std::string_view text, std::string_view listener, std::string_view voter) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_voter(voter, "a host, a colon and a port follow the @");
  const auto port = parse_number<uint16_t>(text.substr(colon + 1));
  if (!port) return bad_voter(voter, "the port is not a number from 0 to 65535");
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty()) return bad_voter(voter, "there is no host");
  return VoterEndpoint{std::string(listener), std::string(host), *port};
}

Result<Voter> parse_voter(std::string_view text, std::string_view listener, bool with_directory) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos) return bad_voter(text, "a node id and an @ come first");
  const auto id = parse_number<int32_t>(text.substr(0, at));
  if (!id || *id < 0) return bad_voter(text, "the node id is not a number");
  std::string_view rest = text.substr(at + 1);
  Voter voter;
  voter.key.id = NodeId(*id);
  if (with_directory) {
    const size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) return bad_voter(text, "a colon and a directory id come last");
    auto directory = Uuid::parse(rest.substr(colon + 1));
    if (!directory) return bad_voter(text, "the directory id is not a 22-character id");
    voter.key.directory_id = *directory;
    rest = rest.substr(0, colon);
  }
  TRY_ASSIGN(auto endpoint, parse_endpoint(rest, listener, text));
  voter.endpoints.push_back(std::move(endpoint));
  return voter;
}

Result<VoterSet> parse_voters(std::string_view text, std::string_view listener, bool with_directory) {
  std::vector<Voter> voters;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    text = text.substr(std::min(comma + 1, text.size()));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    TRY_ASSIGN(auto voter, parse_voter(part, listener, with_directory));
    for (const Voter& other : voters) {
      if (other.key.id == voter.key.id) return bad_voter(part, "another voter has the same node id");
      if (with_directory && other.key.directory_id == voter.key.directory_id) {
        return bad_voter(part, "another voter has the same directory id");
      }
    }
    voters.push_back(std::move(voter));
  }
  return VoterSet(std::move(voters));
}

// The last entry before `offset`, or `otherwise`.
template <class Value>
const Value& last_before(const std::map<Offset, Value>& history, Offset offset, const Value& otherwise) {
  const auto next = history.lower_bound(offset);
  return next == history.begin() ? otherwise : std::prev(next)->second;
}

}  // namespace

VoterSet::VoterSet(std::vector<Voter> voters) {
  for (Voter& voter : voters) {
    const NodeId id = voter.key.id;
    voters_.emplace(id, std::move(voter));
  }
}

Result<VoterSet> VoterSet::parse_static(std::string_view text, std::string_view listener) {
  return parse_voters(text, listener, false);
}

Result<VoterSet> VoterSet::parse_initial(std::string_view text, std::string_view listener) {
  return parse_voters(text, listener, true);
}

VoterSet VoterSet::from_record(const protocol::VotersRecord& record) {
  std::vector<Voter> voters;
  for (const auto& entry : record.voters) {
    Voter voter;
    voter.key = {NodeId(entry.voter_id), entry.voter_directory_id};
    for (const auto& endpoint : entry.endpoints) {
      voter.endpoints.push_back({std::string(endpoint.name), std::string(endpoint.host), endpoint.port});
    }
    voter.kraft_version = {entry.kraft_version_feature.min_supported_version,
                           entry.kraft_version_feature.max_supported_version};
    voters.push_back(std::move(voter));
  }
  return VoterSet(std::move(voters));
}

protocol::VotersRecord VoterSet::to_record() const {
  protocol::VotersRecord record;
  for (const auto& [id, voter] : voters_) {
    auto& entry = record.voters.emplace_back();
    entry.voter_id = id.value();
    entry.voter_directory_id = voter.key.directory_id;
    for (const VoterEndpoint& endpoint : voter.endpoints) {
      entry.endpoints.push_back({endpoint.listener, endpoint.host, endpoint.port});
    }
    entry.kraft_version_feature = {voter.kraft_version.min, voter.kraft_version.max};
  }
  return record;
}

const Voter* VoterSet::find(NodeId id) const {
  const auto found = voters_.find(id);
  return found == voters_.end() ? nullptr : &found->second;
}

bool VoterSet::contains(const VoterKey& key) const {
  const Voter* voter = find(key.id);
  return voter != nullptr && (voter->key.directory_id.is_zero() || voter->key.directory_id == key.directory_id);
}

std::optional<VoterSet> VoterSet::with(Voter voter) const {
  if (find(voter.key.id) != nullptr) return std::nullopt;
  VoterSet changed = *this;
  changed.voters_.emplace(voter.key.id, std::move(voter));
  return changed;
}

std::optional<VoterSet> VoterSet::without(const VoterKey& key) const {
  const Voter* voter = find(key.id);
  if (voter == nullptr || voter->key != key || size() == 1) return std::nullopt;
  VoterSet changed = *this;
  changed.voters_.erase(key.id);
  return changed;
}

std::optional<VoterSet> VoterSet::updated(Voter voter) const {
  if (!contains(voter.key)) return std::nullopt;
  VoterSet changed = *this;
  changed.voters_[voter.key.id] = std::move(voter);
  return changed;
}

int16_t VoterHistory::kraft_version_before(Offset offset) const {
  static constexpr int16_t none = 0;
  return last_before(kraft_versions_, offset, none);
}

const VoterSet& VoterHistory::voters_before(Offset offset) const {
  return last_before(voters_, offset, static_voters_);
}

}  // namespace weir::quorum
