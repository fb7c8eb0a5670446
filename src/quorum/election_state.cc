#include "quorum/election_state.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

namespace weir::quorum {
namespace {

// Reads one flat JSON object; the values of nested ones are stepped over. What is in quorum-state needs no more.
class ObjectReader {
 public:
  explicit ObjectReader(std::string_view text) : left_(text) {}

  // Numbers and strings by name, strings without their quotes.
  Result<std::map<std::string, std::string, std::less<>>> read() {
    std::map<std::string, std::string, std::less<>> fields;
    if (!take('{')) return bad("no object");
    while (!take('}')) {
      if (!fields.empty() && !take(',')) return bad("no comma between fields");
      TRY_ASSIGN(auto name, string());
      if (!take(':')) return bad("no colon after a name");
      TRY_ASSIGN(fields[std::move(name)], value());
    }
    skip_blanks();
    if (!left_.empty()) return bad("something behind the object");
    return fields;
  }

 private:
  static std::unexpected<Error> bad(std::string_view why) {
    return fail(Errc::kCorrupt, fmt::format("quorum-state does not parse: {}", why));
  }
  void skip_blanks() {
    while (!left_.empty() && std::string_view(" \t\r\n").find(left_.front()) != std::string_view::npos) {
      left_.remove_prefix(1);
    }
  }
  bool take(char c) {
    skip_blanks();
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    return true;
  }
  Result<std::string> string() {
    if (!take('"')) return bad("no string where one is due");
    const size_t end = left_.find_first_of("\"\\");
    if (end == std::string_view::npos || left_[end] == '\\') return bad("a string that does not end");
    std::string text(left_.substr(0, end));
    left_.remove_prefix(end + 1);
    return text;
  }
  Result<std::string> value() {
    skip_blanks();
    if (left_.starts_with('"')) return string();
    if (left_.starts_with('[')) return list();
    const size_t end = std::min(left_.find_first_of(",}] \t\r\n"), left_.size());
    std::string text(left_.substr(0, end));
    left_.remove_prefix(end);
    if (text.empty()) return bad("a field without a value");
    return text;
  }
  // A list of flat objects, as it stands.
  Result<std::string> list() {
    const size_t end = left_.find(']');
    if (end == std::string_view::npos) return bad("a list that does not end");
    std::string text(left_.substr(0, end + 1));
    left_.remove_prefix(end + 1);
    return text;
  }

  std::string_view left_;
};

template <class Fields>
Result<int32_t> number(const Fields& fields, std::string_view name) {
  const auto found = fields.find(name);
  if (found == fields.end()) return fail(Errc::kCorrupt, fmt::format("quorum-state has no {}", name));
  const std::string& text = found->second;
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(Errc::kCorrupt, fmt::format("quorum-state: {} is \"{}\", not a number", name, text));
  }
  return value;
}

}  // namespace

std::string format_election_state(const ElectionState& state, int16_t kraft_version, const VoterSet& voters) {
  const int32_t voted_id = state.voted ? state.voted->id.value() : -1;
  if (kraft_version > 0) {
    const Uuid directory = state.voted ? state.voted->directory_id : Uuid{};
    return fmt::format(R"({{"leaderId":{},"leaderEpoch":{},"votedId":{},"votedDirectoryId":"{}","data_version":1}})",
                       state.leader.value(), state.epoch.value(), voted_id, directory.to_string());
  }
  std::string list;
  for (const auto& [id, voter] : voters.voters()) {
    list += fmt::format(R"({}{{"voterId":{}}})", list.empty() ? "" : ",", id.value());
  }
  return fmt::format(
      R"({{"clusterId":"","leaderId":{},"leaderEpoch":{},"votedId":{},"appliedOffset":0,"currentVoters":[{}],)"
      R"("data_version":0}})",
      state.leader.value(), state.epoch.value(), voted_id, list);
}

Result<ElectionState> parse_election_state(std::string_view text) {
  TRY_ASSIGN(const auto fields, ObjectReader(text).read());
  TRY_ASSIGN(const int32_t version, number(fields, "data_version"));
  if (version < 0 || version > 1) {
    return fail(Errc::kUnsupported, fmt::format("quorum-state has data_version {}; 0 and 1 are known", version));
  }
  TRY_ASSIGN(const int32_t epoch, number(fields, "leaderEpoch"));
  TRY_ASSIGN(const int32_t leader, number(fields, "leaderId"));
  TRY_ASSIGN(const int32_t voted_id, number(fields, "votedId"));
  if (epoch < 0) return fail(Errc::kCorrupt, fmt::format("quorum-state: leaderEpoch is {}", epoch));
  ElectionState state{LeaderEpoch(epoch), NodeId(leader), std::nullopt};
  if (voted_id < 0) return state;
  VoterKey voted{NodeId(voted_id), {}};
  if (const auto directory = fields.find("votedDirectoryId"); directory != fields.end()) {
    auto id = Uuid::parse(directory->second);
    if (!id) return fail(Errc::kCorrupt, "quorum-state: votedDirectoryId is no id");
    voted.directory_id = *id;
  }
  state.voted = voted;
  return state;
}

}  // namespace weir::quorum
