# Libraries, all from Debian's packages (scripts/install-dependencies installs them). Archives before shared libraries, so that a
# program needs little installed beside it and starts with less work for the loader; fmt and ISA-L have none in Debian.
set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
set(ZLIB_USE_STATIC_LIBS ON)
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)  # its header alone
find_library(SNAPPY_LIBRARY snappy REQUIRED)
find_library(DEFLATE_LIBRARY deflate REQUIRED)
find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
