#include "base/buffer.h"

#include <array>
#include <bit>
#include <cstdlib>
#include <new>

namespace weir {
namespace {

constexpr size_t kSmallestBits = 12;
constexpr size_t kClasses = 16;  // 4 KiB .. 128 MiB; above that, blocks are not pooled
constexpr uint8_t kUnpooled = 0xff;

}  // namespace

// The free blocks of one thread. A block may be freed by another thread than the one that allocated it; it then joins
// that one's pool.
class BufferPool {
 public:
  using Block = Buffer::Block;

  ~BufferPool() {
    for (Block*& head : free_) {
      while (head != nullptr) std::free(std::exchange(head, head->next_free));
    }
  }

  Block* take(size_t size) {
    const size_t total = std::bit_ceil(size + sizeof(Block));
    const size_t bits = std::max<size_t>(static_cast<size_t>(std::countr_zero(total)), kSmallestBits);
    const size_t size_class = bits - kSmallestBits;
    Block* block = nullptr;
    if (size_class < kClasses && free_[size_class] != nullptr) {
      block = std::exchange(free_[size_class], free_[size_class]->next_free);
      pooled_bytes_ -= size_t{1} << bits;
    } else {
      void* memory = std::malloc(size_t{1} << bits);
      CHECK(memory != nullptr, "out of memory for a buffer of {} bytes", size_t{1} << bits);
      block = new (memory) Block;
      block->size_class = size_class < kClasses ? static_cast<uint8_t>(size_class) : kUnpooled;
      block->capacity = (size_t{1} << bits) - sizeof(Block);
    }
    block->references.store(1, std::memory_order_relaxed);
    return block;
  }

  void give(Block* block) {
    const size_t total = block->capacity + sizeof(Block);
    if (block->size_class == kUnpooled || pooled_bytes_ + total > Buffer::kPooledBytesPerThread) {
      std::free(block);
      return;
    }
    pooled_bytes_ += total;
    block->next_free = std::exchange(free_[block->size_class], block);
  }

 private:
  std::array<Block*, kClasses> free_{};
  size_t pooled_bytes_ = 0;
};

namespace {
thread_local BufferPool pool;
}  // namespace

Buffer Buffer::allocate(size_t size) { return Buffer(pool.take(size)); }

void Buffer::release() {
  if (block_ == nullptr) return;
  if (block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) pool.give(block_);
  block_ = nullptr;
}

}  // namespace weir
