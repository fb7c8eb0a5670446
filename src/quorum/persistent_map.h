// PersistentMap: an ordered map whose copies are free and share what they have in common. Changing a copy costs
// O(log n) new nodes and leaves every other copy as it was. A weight-balanced tree: the nodes never change once made,
// so copies may be read on any thread while one thread changes its own copy.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace weir::quorum {

template <class Key, class Value, class Compare = std::less<>>
class PersistentMap {
  struct Node;
  using Link = std::shared_ptr<const Node>;

 public:
  using value_type = std::pair<Key, Value>;

  // In the order of the keys. Valid as long as the map, or a copy of it, keeps the entries.
  class Iterator {
   public:
    using value_type = PersistentMap::value_type;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    const PersistentMap::value_type& operator*() const { return path_.back()->entry; }
    const PersistentMap::value_type* operator->() const { return &path_.back()->entry; }
    Iterator& operator++() {
      const Node* next = path_.back()->right.get();
      path_.pop_back();
      descend(next);
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) {
      return a.path_.empty() ? b.path_.empty() : !b.path_.empty() && a.path_.back() == b.path_.back();
    }

   private:
    friend class PersistentMap;
    void descend(const Node* node) {
      for (; node != nullptr; node = node->left.get()) path_.push_back(node);
    }
    // The nodes that are still to be visited on the way to the root; the last one is the current one.
    std::vector<const Node*> path_;
  };

  [[nodiscard]] size_t size() const { return weight(root_); }
  [[nodiscard]] bool empty() const { return root_ == nullptr; }

  // nullptr when there is no such key.
  template <class K>
  [[nodiscard]] const Value* find(const K& key) const {
    for (const Node* node = root_.get(); node != nullptr;) {
      if (Compare{}(key, node->entry.first)) {
        node = node->left.get();
      } else if (Compare{}(node->entry.first, key)) {
        node = node->right.get();
      } else {
        return &node->entry.second;
      }
    }
    return nullptr;
  }
  template <class K>
  [[nodiscard]] bool contains(const K& key) const {
    return find(key) != nullptr;
  }

  void set(Key key, Value value) { root_ = insert(root_, std::move(key), std::move(value)); }
  template <class K>
  void erase(const K& key) {
    if (contains(key)) root_ = remove(root_, key);
  }

  [[nodiscard]] Iterator begin() const {
    Iterator at;
    at.descend(root_.get());
    return at;
  }
  [[nodiscard]] Iterator end() const { return {}; }
  // The first entry whose key is not less than `key`.
  template <class K>
  [[nodiscard]] Iterator lower_bound(const K& key) const {
    Iterator at;
    for (const Node* node = root_.get(); node != nullptr;) {
      if (Compare{}(node->entry.first, key)) {
        node = node->right.get();
      } else {
        at.path_.push_back(node);
        node = node->left.get();
      }
    }
    return at;
  }

  friend bool operator==(const PersistentMap& a, const PersistentMap& b) {
    if (a.root_ == b.root_) return true;
    if (a.size() != b.size()) return false;
    for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
      if (*x != *y) return false;
    }
    return true;
  }

 private:
  struct Node {
    value_type entry;
    Link left;
    Link right;
    size_t size;
  };
  // A side may be at most three times as heavy as the other; beyond that it is rotated once, or twice where its inner
  // half is twice the outer one (the pair of numbers for which weight balance is known to hold).
  static constexpr size_t kDelta = 3;
  static constexpr size_t kRatio = 2;

  static size_t weight(const Link& node) { return node == nullptr ? 0 : node->size; }

  static Link make(value_type entry, Link left, Link right) {
    const size_t size = weight(left) + weight(right) + 1;
    return std::make_shared<const Node>(Node{std::move(entry), std::move(left), std::move(right), size});
  }

  static Link balance(value_type entry, Link left, Link right) {
    if (weight(left) + weight(right) <= 1) return make(std::move(entry), std::move(left), std::move(right));
    if (weight(right) > kDelta * weight(left)) {
      const Node& heavy = *right;
      if (weight(heavy.left) < kRatio * weight(heavy.right)) {
        return make(heavy.entry, make(std::move(entry), std::move(left), heavy.left), heavy.right);
      }
      const Node& inner = *heavy.left;
      return make(inner.entry, make(std::move(entry), std::move(left), inner.left),
                  make(heavy.entry, inner.right, heavy.right));
    }
    if (weight(left) > kDelta * weight(right)) {
      const Node& heavy = *left;
      if (weight(heavy.right) < kRatio * weight(heavy.left)) {
        return make(heavy.entry, heavy.left, make(std::move(entry), heavy.right, std::move(right)));
      }
      const Node& inner = *heavy.right;
      return make(inner.entry, make(heavy.entry, heavy.left, inner.left),
                  make(std::move(entry), inner.right, std::move(right)));
    }
    return make(std::move(entry), std::move(left), std::move(right));
  }

  static Link insert(const Link& node, Key key, Value value) {
    if (node == nullptr) return make({std::move(key), std::move(value)}, nullptr, nullptr);
    if (Compare{}(key, node->entry.first)) {
      return balance(node->entry, insert(node->left, std::move(key), std::move(value)), node->right);
    }
    if (Compare{}(node->entry.first, key)) {
      return balance(node->entry, node->left, insert(node->right, std::move(key), std::move(value)));
    }
    return make({std::move(key), std::move(value)}, node->left, node->right);
  }

  static Link remove_first(const Link& node) {
    if (node->left == nullptr) return node->right;
    return balance(node->entry, remove_first(node->left), node->right);
  }

  template <class K>
  static Link remove(const Link& node, const K& key) {
    if (Compare{}(key, node->entry.first)) return balance(node->entry, remove(node->left, key), node->right);
    if (Compare{}(node->entry.first, key)) return balance(node->entry, node->left, remove(node->right, key));
    if (node->left == nullptr) return node->right;
    if (node->right == nullptr) return node->left;
    const Node* next = node->right.get();
    while (next->left != nullptr) next = next->left.get();
    return balance(next->entry, node->left, remove_first(node->right));
  }

  Link root_;
};

}  // namespace weir::quorum
