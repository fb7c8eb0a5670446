// What the generated reflection tables are made with. Included by nothing else.
#pragma once

#include <optional>
#include <type_traits>
#include <vector>

#include "protocol/json/reflection.h"

namespace weir::protocol {

template <class T>
struct ContainerOf {
  static bool has_value(const void*) { return true; }
  static void set_null(void*) {}
  static void* make_value(void* member, size_t) { return member; }
  static size_t size(const void*) { return 1; }
  static const void* data(const void* member) { return member; }
  using Element = T;
};

template <class T>
struct ContainerOf<std::vector<T>> {
  static bool has_value(const void*) { return true; }
  static void set_null(void*) {}
  static void* make_value(void* member, size_t count) {
    auto& vector = *static_cast<std::vector<T>*>(member);
    vector.clear();
    vector.resize(count);
    return vector.data();
  }
  static size_t size(const void* member) { return static_cast<const std::vector<T>*>(member)->size(); }
  static const void* data(const void* member) { return static_cast<const std::vector<T>*>(member)->data(); }
  using Element = T;
};

template <class T>
struct ContainerOf<std::optional<T>> {
  static const T* value(const void* member) { return &**static_cast<const std::optional<T>*>(member); }
  static bool has_value(const void* member) { return static_cast<const std::optional<T>*>(member)->has_value(); }
  static void set_null(void* member) { static_cast<std::optional<T>*>(member)->reset(); }
  static void* make_value(void* member, size_t count) {
    return ContainerOf<T>::make_value(&static_cast<std::optional<T>*>(member)->emplace(), count);
  }
  static size_t size(const void* member) { return ContainerOf<T>::size(value(member)); }
  static const void* data(const void* member) { return ContainerOf<T>::data(value(member)); }
  using Element = typename ContainerOf<T>::Element;
};

template <class T>
inline constexpr Container kContainer = {&ContainerOf<T>::has_value,  &ContainerOf<T>::set_null,
                                         &ContainerOf<T>::make_value, &ContainerOf<T>::size,
                                         &ContainerOf<T>::data,       sizeof(typename ContainerOf<T>::Element)};

template <class T>
constexpr const Container* container() {
  return &kContainer<T>;
}

template <class T>
const void* default_of() {
  static const T defaults{};
  return &defaults;
}

template <class T>
constexpr MessageInfo describe(MessageKind kind, std::string_view group, int16_t key, const StructInfo& structure) {
  return {T::kName,
          group,
          kind,
          key,
          {T::kMinVersion, T::kMaxVersion},
          T::kFirstFlexibleVersion,
          &structure,
          []() -> std::shared_ptr<void> { return std::make_shared<T>(); },
          [](void* message, Reader& in, int16_t version) { return static_cast<T*>(message)->decode(in, version); },
          [](const void* message, Writer& out, int16_t version) {
            return static_cast<const T*>(message)->encode(out, version);
          }};
}

}  // namespace weir::protocol
