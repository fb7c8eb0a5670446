#include "storage/sparse_index.h"

namespace weir::storage {

Result<> SparseIndex::write_pending(File& file) {
  if (pending_.empty()) return {};
  TRY(file.write_at(uint64_t{written_} * entry_size_, ByteView(pending_)));
  written_ += pending_entries();
  pending_.clear();
  return {};
}

Result<ByteVector> SparseIndex::read_block(const FileReader& file, uint32_t first, uint32_t count) const {
  ByteVector block(count * entry_size_);
  TRY_ASSIGN(size_t got, file.read_at(uint64_t{first} * entry_size_, block));
  if (got != block.size()) return fail(Errc::kCorrupt, "an index is shorter than its entries");
  return block;
}

Result<SparseIndex::Entry> SparseIndex::entry(const FileReader& file, uint32_t i) const {
  CHECK(i < entries());
  Entry entry{};
  if (i >= written_) {
    std::memcpy(entry.data(), pending_.data() + (i - written_) * entry_size_, entry_size_);
    return entry;
  }
  TRY_ASSIGN(size_t got, file.read_at(uint64_t{i} * entry_size_, MutableBytes(entry).first(entry_size_)));
  if (got != entry_size_) return fail(Errc::kCorrupt, "an index is shorter than its entries");
  return entry;
}

Result<> SparseIndex::truncate(File& file, uint32_t count) {
  CHECK(count <= entries());
  if (count >= written_) {
    pending_.resize((count - written_) * entry_size_);
  } else {
    pending_.clear();
    written_ = count;
  }
  return file.truncate(uint64_t{written_} * entry_size_);
}

void encode_offset_entry(uint8_t* out, int32_t relative_offset, int32_t position) {
  store_be(out, relative_offset);
  store_be(out + 4, position);
}

void encode_time_entry(uint8_t* out, Timestamp timestamp, int32_t relative_offset) {
  store_be(out, timestamp.value());
  store_be(out + 8, relative_offset);
}

}  // namespace weir::storage
