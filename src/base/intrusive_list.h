// A doubly linked list whose links lie in the elements: an element leaves its list in O(1) and, at the latest, when it
// is destroyed. Not thread-safe: all elements of a list belong to one loop.
#pragma once

#include <cstddef>

#include "base/check.h"

namespace weir {

// Base class of an element. It is in at most one list.
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  [[nodiscard]] bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (!linked()) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

template <class T>
class IntrusiveList {
 public:
  IntrusiveList() { head_.next_ = head_.previous_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) front().unlink();
    head_.next_ = head_.previous_ = nullptr;
  }

  [[nodiscard]] bool empty() const { return head_.next_ == &head_; }
  T& front() { return *static_cast<T*>(head_.next_); }

  void push_back(T& element) {
    ListNode& node = element;
    CHECK(!node.linked());
    node.previous_ = head_.previous_;
    node.next_ = &head_;
    head_.previous_->next_ = &node;
    head_.previous_ = &node;
  }

  // Moves all elements of `other` to the end of this list.
  void splice(IntrusiveList& other) {
    while (!other.empty()) {
      T& element = other.front();
      static_cast<ListNode&>(element).unlink();
      push_back(element);
    }
  }

  // Calls visit(T&) for each element; the visited element may be unlinked or destroyed by the call, others may not.
  template <class Visit>
  void for_each(Visit visit) {
    for (ListNode* node = head_.next_; node != &head_;) {
      ListNode* next = node->next_;
      visit(*static_cast<T*>(node));
      node = next;
    }
  }

 private:
  ListNode head_;
};

}  // namespace weir
