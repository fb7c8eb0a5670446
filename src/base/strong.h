// Strong<Tag, Rep>: a number that is of one quantity and converts into no other.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace weir {

template <class Tag, class Rep>
class Strong {
 public:
  using rep = Rep;

  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}

  [[nodiscard]] constexpr Rep value() const { return value_; }

  friend constexpr auto operator<=>(Strong, Strong) = default;
  // A quantity moves by a plain count; the difference of two is a plain count.
  friend constexpr Strong operator+(Strong a, Rep count) { return Strong(static_cast<Rep>(a.value_ + count)); }
  friend constexpr Strong operator-(Strong a, Rep count) { return Strong(static_cast<Rep>(a.value_ - count)); }
  friend constexpr Rep operator-(Strong a, Strong b) { return static_cast<Rep>(a.value_ - b.value_); }
  constexpr Strong& operator+=(Rep count) {
    value_ = static_cast<Rep>(value_ + count);
    return *this;
  }
  constexpr Strong& operator++() { return *this += 1; }

 private:
  Rep value_{};
};

}  // namespace weir

template <class Tag, class Rep>
struct std::hash<weir::Strong<Tag, Rep>> {
  size_t operator()(weir::Strong<Tag, Rep> v) const noexcept { return std::hash<Rep>{}(v.value()); }
};
