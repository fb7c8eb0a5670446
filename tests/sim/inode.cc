#include "sim/inode.h"

#include <algorithm>

namespace weir::sim {
namespace {

void apply_change(SparseBytes& content, const ContentChange& change) {
  if (const auto* write = std::get_if<Write>(&change)) {
    content.write(write->position, write->bytes);
  } else {
    content.resize(std::get<Resize>(change).size);
  }
}

}  // namespace

void Inode::change(ContentChange change) {
  apply_change(seen, change);
  unsynced.push_back(std::move(change));
}

void Inode::note_use(uint64_t position, uint64_t length, Duration now) {
  const uint64_t end = std::min(position + length, seen.size());
  for (uint64_t at = position; at < end; at = (at / SparseBytes::kPageSize + 1) * SparseBytes::kPageSize) {
    cached[at / SparseBytes::kPageSize] = now;
  }
}

uint64_t Inode::cached_length(uint64_t position, uint64_t length) const {
  const uint64_t end = std::min(position + length, seen.size());
  for (uint64_t at = position; at < end; at = (at / SparseBytes::kPageSize + 1) * SparseBytes::kPageSize) {
    if (!cached.contains(at / SparseBytes::kPageSize)) return at - position;
  }
  return length;
}

void Inode::sync() {
  for (const ContentChange& change : unsynced) apply_change(durable, change);
  unsynced.clear();
}

void Inode::settle(SimRandom& random) {
  // In one world in three the kernel had written nothing back, or everything.
  const uint64_t mood = random.below(6);
  for (const ContentChange& change : unsynced) {
    const auto* write = std::get_if<Write>(&change);
    const bool kept = mood == 0 || (mood != 1 && random.percent(50));
    if (kept) {
      apply_change(durable, change);
    } else if (write == nullptr) {
      // Journalled in order: what follows a lost change of size is lost with it.
      break;
    } else if (mood != 1 && random.percent(50)) {
      const size_t torn = random.below(write->bytes.size() + 1);
      durable.write(write->position, ByteView(write->bytes).first(torn));
    }
  }
  unsynced.clear();
  seen = durable;
  cached.clear();
}

bool NameChange::touches(const Inode& directory) const {
  return (gone && gone->directory.get() == &directory) || (come && come->directory.get() == &directory);
}

void NameChange::make_durable() const {
  if (gone) {
    Names& names = gone->directory->names_durable;
    // The name may stand for something else there, when an earlier change was lost.
    const auto entry = names.find(gone->name);
    if (entry != names.end() && entry->second == inode) names.erase(entry);
  }
  if (come) come->directory->names_durable[come->name] = inode;
}

}  // namespace weir::sim
