// What a SimDisk consists of: files and directories, each as running programs see it and as it would be found after a
// power loss, and the changes that lie between the two.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "sim/random.h"
#include "sim/sparse_bytes.h"

namespace weir::sim {

struct Inode;
using Names = std::map<std::string, std::shared_ptr<Inode>>;

// A change of the content of a file that no sync has made durable.
struct Write {
  uint64_t position;
  ByteVector bytes;
};
struct Resize {
  uint64_t size;
};
using ContentChange = std::variant<Write, Resize>;

struct Inode {
  bool is_directory = false;
  bool read_only = false;
  uint32_t names = 0;    // that stand for it, as programs see them
  uint32_t handles = 0;  // open files
  Timestamp modified{0};

  // Of a file.
  SparseBytes seen;
  SparseBytes durable;
  std::vector<ContentChange> unsynced;
  // The pages in the page cache, with when each was last used, in the time of the world.
  std::map<uint64_t, Duration> cached;

  // Of a directory.
  Names names_seen;
  Names names_durable;

  void change(ContentChange change);
  // Of the range, as far as the file goes.
  void note_use(uint64_t position, uint64_t length, Duration now);
  // How many bytes of the range lie in the page cache, one behind the other; all that is behind the end does.
  [[nodiscard]] uint64_t cached_length(uint64_t position, uint64_t length) const;
  void sync();
  // After a power loss: what was unsynced is kept, lost or torn.
  void settle(SimRandom& random);
};

// A change of names that is atomic: a name goes, a name comes, or both (a rename).
struct NameChange {
  struct Side {
    std::shared_ptr<Inode> directory;
    std::string name;
  };
  std::optional<Side> gone;
  std::optional<Side> come;
  std::shared_ptr<Inode> inode;  // what the names mean

  [[nodiscard]] bool touches(const Inode& directory) const;
  void make_durable() const;
};

}  // namespace weir::sim
