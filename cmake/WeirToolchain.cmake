# Compiler, warnings, sanitizers.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutines. Install clang-19 "
                      "(scripts/install-dependencies does) and configure with a preset: cmake --preset release")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)

option(WEIR_BENCH "Build the load generator and the floor programs of bench/ (needs librdkafka)" OFF)
set(WEIR_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize=")
option(WEIR_FUZZ "Build the libFuzzer targets of tests/fuzz" OFF)

add_library(weir_options INTERFACE)
target_include_directories(weir_options INTERFACE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/include")
target_compile_options(weir_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough -Wextra-semi
  -Wno-missing-field-initializers -fno-omit-frame-pointer -msse4.2)
target_compile_definitions(weir_options INTERFACE WEIR_VERSION="${PROJECT_VERSION}")
target_link_options(weir_options INTERFACE -fuse-ld=lld)
if(WEIR_SANITIZE)
  target_compile_options(weir_options INTERFACE -fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(weir_options INTERFACE -fsanitize=${WEIR_SANITIZE})
  target_compile_definitions(weir_options INTERFACE WEIR_SANITIZED=1)
endif()
if(WEIR_FUZZ)
  target_compile_options(weir_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# ccache shares objects between build directories: paths are made relative, and precompiled headers carry no time stamp.
find_program(WEIR_CCACHE ccache)
if(WEIR_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime" "${WEIR_CCACHE}")
  target_compile_options(weir_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()
