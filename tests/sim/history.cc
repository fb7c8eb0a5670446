#include "sim/history.h"

#include <charconv>

#include "sim/invariants.h"

namespace weir::sim {
namespace {

// Printable noise that follows from what stands before it.
void pad(std::string& text, size_t size) {
  uint64_t state = std::hash<std::string>{}(text) | 1;
  while (text.size() < size) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    text += static_cast<char>('a' + (state >> 59) % 26);
  }
}

}  // namespace

std::string record_value(const Place& place, const RecordId& id, size_t size) {
  std::string value = fmt::format("{}/{}/{}/{}/", place, id.producer, id.number, size);
  pad(value, size);
  return value;
}

std::optional<RecordId> parse_record_value(const Place& place, std::string_view value) {
  std::array<std::string_view, 4> parts;
  std::string_view rest = value;
  for (std::string_view& part : parts) {
    const size_t slash = rest.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    part = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
  }
  RecordId id{.producer = std::string(parts[1])};
  size_t size = 0;
  std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), id.number);
  std::from_chars(parts[3].data(), parts[3].data() + parts[3].size(), size);
  // A size that a damaged value names must not make us build that much.
  if (parts[0] != place || size > value.size() || record_value(place, id, size) != value) return std::nullopt;
  return id;
}

History::History(Simulation& simulation) : invariants_(all_invariants()) {
  for (const auto& invariant : invariants_) invariant->simulation_ = &simulation;
}

}  // namespace weir::sim
