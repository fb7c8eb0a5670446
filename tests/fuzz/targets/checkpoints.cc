// The small files of a data directory. Input: 1 byte that chooses the format, the file. What is read can be written and
// is read again as the same.
#include <string>

#include "base/check.h"
#include "quorum/election_state.h"
#include "storage/checkpoint_text.h"
#include "storage/file_names.h"
#include "storage/leader_epochs.h"
#include "storage/meta_properties.h"
#include "storage/partition_metadata.h"
#include "storage/producer_state.h"

namespace {

using namespace weir;

constexpr Timestamp kNow{1'700'000'000'000};
constexpr milliseconds kNeverExpires(INT64_MAX / 4);

void try_offset_checkpoint(std::string_view text) {
  const auto entries = storage::parse_checkpoint_text(text, storage::kOffsetCheckpointFields);
  if (!entries) return;
  for (const auto& fields : *entries) {
    CHECK(fields.size() == storage::kOffsetCheckpointFields);
    (void)storage::parse_checkpoint_number(fields.back());
  }
}

void try_leader_epochs(std::string_view text) {
  const auto epochs = storage::LeaderEpochs::parse(text);
  if (!epochs) return;
  const auto again = storage::LeaderEpochs::parse(epochs->to_text());
  CHECK(again.has_value() && again->entries() == epochs->entries(), "leader epochs change by a round trip");
  for (size_t i = 1; i < epochs->entries().size(); ++i) {
    CHECK(epochs->entries()[i - 1].epoch < epochs->entries()[i].epoch, "epochs that do not ascend");
  }
}

void try_producer_snapshot(ByteView bytes) {
  storage::ProducerState state;
  if (!state.load_snapshot(bytes, Offset(1'000'000), kNow, kNeverExpires)) {
    CHECK(state.producer_count() == 0, "a broken snapshot leaves producers");
    return;
  }
  storage::ProducerState again;
  const ByteVector written = state.snapshot();
  CHECK(again.load_snapshot(written, Offset(1'000'000), kNow, kNeverExpires).has_value());
  CHECK(again.producer_count() == state.producer_count());
}

void try_election_state(std::string_view text) {
  const auto state = quorum::parse_election_state(text);
  if (!state) return;
  const auto again = quorum::parse_election_state(quorum::format_election_state(*state, 1, {}));
  CHECK(again.has_value() && again->epoch == state->epoch && again->leader == state->leader);
}

void try_meta_properties(std::string_view text) {
  const auto properties = storage::parse_meta_properties(text);
  if (!properties) return;
  // Version 0 needs no cluster id, which version 1 does; and no cluster has blanks in its id, which lines are trimmed
  // of.
  const std::string& id = properties->cluster_id;
  if (id.empty() || id.find_first_of(" \t\r\n\f") != std::string::npos) return;
  const auto again = storage::parse_meta_properties(storage::meta_properties_text(*properties));
  CHECK(again.has_value() && again->node_id == properties->node_id, "meta.properties change by a round trip");
}

void try_names(std::string_view name) {
  (void)storage::parse_offset_file(name);
  (void)storage::parse_partition_directory(name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const ByteView bytes(data + 1, size - 1);
  const std::string_view text = as_text(bytes);
  switch (data[0] % 7) {
    case 0:
      try_offset_checkpoint(text);
      break;
    case 1:
      try_leader_epochs(text);
      break;
    case 2:
      try_producer_snapshot(bytes);
      break;
    case 3:
      try_election_state(text);
      break;
    case 4:
      try_meta_properties(text);
      break;
    case 5:
      (void)storage::parse_partition_metadata(text);
      break;
    default:
      try_names(text);
  }
  return 0;
}
