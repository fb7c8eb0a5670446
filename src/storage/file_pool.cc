#include "storage/file_pool.h"

namespace weir::storage {

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
