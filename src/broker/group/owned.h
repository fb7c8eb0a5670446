// Owned<T>: a message of the protocol together with the bytes that its views refer to, so that an answer outlives the
// state it was made from. Belongs to whoever holds it; may be moved to another thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace weir::broker {

// Bytes that stay where they are while the arena lives, also when it is moved.
class Arena {
 public:
  std::string_view keep(std::string_view text) { return as_text(keep(as_bytes(text))); }
  std::optional<std::string_view> keep(const std::optional<std::string_view>& text) {
    if (!text) return std::nullopt;
    return keep(*text);
  }
  ByteView keep(ByteView bytes) {
    if (bytes.empty()) return {};
    if (bytes.size() > kBlockSize / 4) return copy(own(bytes.size()), bytes);
    if (bytes.size() > left_) {
      next_ = own(kBlockSize);
      left_ = kBlockSize;
    }
    uint8_t* at = next_;
    next_ += bytes.size();
    left_ -= bytes.size();
    return copy(at, bytes);
  }
  // Takes over what `other` holds.
  void adopt(Arena&& other) {
    for (auto& block : other.blocks_) blocks_.push_back(std::move(block));
    other = Arena();
  }

 private:
  static constexpr size_t kBlockSize = 1024;
  static ByteView copy(uint8_t* at, ByteView bytes) {
    std::memcpy(at, bytes.data(), bytes.size());
    return {at, bytes.size()};
  }
  uint8_t* own(size_t size) { return blocks_.emplace_back(std::make_unique_for_overwrite<uint8_t[]>(size)).get(); }

  std::vector<std::unique_ptr<uint8_t[]>> blocks_;
  uint8_t* next_ = nullptr;
  size_t left_ = 0;
};

template <class T>
struct Owned {
  T message;
  Arena arena;

  std::string_view keep(std::string_view text) { return arena.keep(text); }
  std::string_view keep(const std::string& text) { return arena.keep(std::string_view(text)); }
  std::optional<std::string_view> keep(const std::optional<std::string_view>& text) { return arena.keep(text); }
  std::optional<std::string_view> keep(const std::optional<std::string>& text) {
    return arena.keep(std::optional<std::string_view>(text));
  }
  ByteView keep(ByteView bytes) { return arena.keep(bytes); }
};

}  // namespace weir::broker
