#include "protocol/json/reflection.h"

#include <algorithm>

namespace weir::protocol {

const MessageInfo* find_message(std::string_view name) {
  auto all = all_messages();
  auto at = std::ranges::lower_bound(all, name, {}, [](const MessageInfo* info) { return info->name; });
  return at != all.end() && (*at)->name == name ? *at : nullptr;
}

const MessageInfo* find_message(std::string_view group, MessageKind kind, int16_t key) {
  for (const MessageInfo* info : all_messages()) {
    if (info->key == key && info->kind == kind && info->group == group) return info;
  }
  return nullptr;
}

}  // namespace weir::protocol
