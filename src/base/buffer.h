// Buffer: a reference-counted block of bytes from a pool. Buffers carry requests from the socket to the log and answers
// back without copies. References may be dropped on any thread; the bytes are written by one owner before they are
// shared.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace weir {

class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer& other) : block_(other.block_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Buffer() { release(); }

  // Of a block of a power of two, what is not the buffer's: a size of 2^n - kOverhead wastes nothing.
  static constexpr size_t kOverhead = 64;
  // At least `size` bytes, uninitialised. Sizes are rounded up to a power of two from 4 KiB; a thread keeps up to
  // kPooledBytesPerThread of freed blocks for reuse, which spares the page faults of fresh memory.
  static Buffer allocate(size_t size);
  static constexpr size_t kPooledBytesPerThread = size_t{16} << 20;

  [[nodiscard]] explicit operator bool() const { return block_ != nullptr; }
  // nullptr without a block.
  [[nodiscard]] uint8_t* data() const { return block_ == nullptr ? nullptr : reinterpret_cast<uint8_t*>(block_ + 1); }
  [[nodiscard]] size_t capacity() const { return block_ == nullptr ? 0 : block_->capacity; }
  // True when nobody else holds a reference.
  [[nodiscard]] bool unique() const {
    return block_ != nullptr && block_->references.load(std::memory_order_acquire) == 1;
  }

 private:
  friend class BufferPool;
  struct Block {
    std::atomic<uint32_t> references;
    uint8_t size_class;
    size_t capacity;
    Block* next_free;
  };
  explicit Buffer(Block* block) : block_(block) {}
  void release();

  Block* block_ = nullptr;
};

// Part of a Buffer, or bytes that outlive their use by other means (no buffer).
struct SharedBytes {
  Buffer owner;
  ByteView bytes;
};

}  // namespace weir
