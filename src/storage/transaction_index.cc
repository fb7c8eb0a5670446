#include "storage/transaction_index.h"

#include <fmt/format.h>

namespace weir::storage {

Result<> append_aborted(File& file, const AbortedTransaction& transaction) {
  std::array<uint8_t, kAbortedTransactionSize> entry{};
  store_be(entry.data(), int16_t{0});
  store_be(entry.data() + 2, transaction.producer_id.value());
  store_be(entry.data() + 10, transaction.first_offset.value());
  store_be(entry.data() + 18, transaction.last_offset.value());
  store_be(entry.data() + 26, transaction.last_stable_offset.value());
  TRY_ASSIGN(uint64_t size, file.size());
  // What a failed write left of an entry is written over.
  return file.write_at(size - size % kAbortedTransactionSize, ByteView(entry));
}

Result<std::vector<AbortedTransaction>> read_aborted(const FileReader& file) {
  TRY_ASSIGN(uint64_t size, file.size());
  if (size % kAbortedTransactionSize != 0) {
    return fail(Errc::kCorrupt, fmt::format("a transaction index of {} bytes", size));
  }
  ByteVector bytes(size);
  TRY_ASSIGN(size_t got, file.read_at(0, bytes));
  bytes.resize(got);
  std::vector<AbortedTransaction> found;
  for (size_t at = 0; at + kAbortedTransactionSize <= bytes.size(); at += kAbortedTransactionSize) {
    const uint8_t* entry = bytes.data() + at;
    if (load_be<int16_t>(entry) != 0) return fail(Errc::kCorrupt, "a transaction index entry of an unknown version");
    found.push_back({ProducerId(load_be<int64_t>(entry + 2)), Offset(load_be<int64_t>(entry + 10)),
                     Offset(load_be<int64_t>(entry + 18)), Offset(load_be<int64_t>(entry + 26))});
    const AbortedTransaction& now = found.back();
    if (now.first_offset > now.last_offset ||
        (found.size() > 1 && found[found.size() - 2].last_offset >= now.last_offset)) {
      return fail(Errc::kCorrupt, "a transaction index whose offsets do not ascend");
    }
  }
  return found;
}

Result<> truncate_aborted(File& file, Offset end) {
  TRY_ASSIGN(auto entries, read_aborted(file));
  while (!entries.empty() && entries.back().last_offset >= end) entries.pop_back();
  return file.truncate(entries.size() * kAbortedTransactionSize);
}

}  // namespace weir::storage
