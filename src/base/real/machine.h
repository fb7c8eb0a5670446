// What a machine says of itself, without changing anything on it. Blocks; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weir {

// How much room is left in it: Disk::space.
struct FileSystem {
  enum class Medium : uint8_t { kDisk, kMemory, kNetwork };
  Medium medium = Medium::kDisk;
  uint64_t device = 0;
  uint64_t files_total = 0;  // 0: without a bound
  uint64_t files_free = 0;
};

// Of the file system that holds `path`; nullopt when that is not there.
std::optional<FileSystem> file_system_of(const std::string& path);
// Whether this process may make and change files in a directory.
bool may_write(const std::string& directory);
// Whether another process has locked a log directory, a node of weir's or of Kafka's; nullopt when this one may not
// know.
std::optional<bool> is_locked(const std::string& directory);
// Open descriptors that this process may raise its limit to.
uint64_t descriptor_limit();
bool has_swap();

}  // namespace weir
