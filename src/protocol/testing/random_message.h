// Messages with made-up values, the same for the same seed: for tests of the codecs.
// A maker belongs to one thread and keeps the strings and bytes that its messages are views of.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "base/seams.h"
#include "protocol/json/reflection.h"

namespace weir::protocol {

class RandomMessages {
 public:
  explicit RandomMessages(uint64_t seed) : random_(seed) {}

  // A message of `info`'s type in which every field that `version` has is filled: extremes, nulls and empty collections
  // included. The other fields keep their defaults. Valid as long as this object.
  std::shared_ptr<void> make(const MessageInfo& info, int16_t version);

  // Bytes, and text in UTF-8 with characters of one to four bytes.
  std::string_view bytes(size_t size);
  std::string_view text();
  Random& random() { return random_; }

 private:
  class SeededRandom final : public Random {
   public:
    explicit SeededRandom(uint64_t seed) : state_(seed) {}
    uint64_t next() override;

   private:
    uint64_t state_;
  };

  void fill_struct(const StructInfo& info, void* structure, int16_t version, int depth);
  void fill_member(const FieldInfo& field, void* member, int16_t version, int depth);
  void fill_value(const FieldInfo& field, void* value, int16_t version, int depth);
  // One in `n`.
  bool chance(uint64_t n) { return random_.below(n) == 0; }
  int64_t number();

  SeededRandom random_;
  std::deque<std::string> kept_;
};

}  // namespace weir::protocol
