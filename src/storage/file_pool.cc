#include "storage/file_pool.h"

#include <algorithm>

namespace weir::storage {

namespace {

// Brought in for a read that missed: what a device gives in one go, so that a look-up which goes on behind it does not
// miss again at once.
constexpr uint64_t kMissedLength = 128 * 1024;

}  // namespace

Result<size_t> FileReader::read_at(uint64_t position, MutableBytes into) const {
  if (missed_ == nullptr) return file_->read_at(position, into);
  Result<size_t> got = file_->read_now(position, into);
  if (!got && got.error().code == Errc::kWouldBlock) {
    *missed_ = {owner_, position, std::max<uint64_t>(into.size(), kMissedLength)};
  }
  return got;
}

void PooledFile::close() {
  file_.reset();
  if (pool_ == nullptr) return;
  unlink();
  --pool_->open_count_;
  pool_ = nullptr;
}

void FilePool::touch(PooledFile& file) {
  file.unlink();
  files_.push_back(file);
}

void FilePool::insert(PooledFile& file) {
  file.pool_ = this;
  files_.push_back(file);
  ++open_count_;
  while (open_count_ > open_max_) files_.front().close();
}

}  // namespace weir::storage
