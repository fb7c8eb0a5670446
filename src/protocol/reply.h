// Reply: an answer with what its views refer to. Belongs to whoever holds it.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "base/buffer.h"

namespace weir::protocol {

// Moving it leaves the views valid; so it is not copied.
template <class Response>
struct Reply {
  Response response;
  std::deque<std::string> texts;  // made for it
  Buffer owner;                   // of an answer that came from another node

  Reply() = default;
  Reply(Reply&&) = default;
  Reply& operator=(Reply&&) = default;

  // Keeps a text as long as the answer.
  std::string_view keep(std::string text) { return texts.emplace_back(std::move(text)); }
  std::string_view keep(std::string_view text) { return texts.emplace_back(text); }
};

}  // namespace weir::protocol
