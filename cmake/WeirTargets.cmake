# One folder of src/ is one library; the unit tests beside its sources are one test program.

# weir_library(NAME DEPENDS lib... SOURCES extra...) makes weir_NAME of every .cc below the current folder and NAME_test of every
# *_test.cc. A file that ends in _main.cc belongs to neither; a sub-folder with a CMakeLists.txt of its own is a library of its own.
function(weir_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;SOURCES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  file(GLOB_RECURSE nested "${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt")
  foreach(listfile ${nested})
    cmake_path(GET listfile PARENT_PATH folder)
    list(FILTER sources EXCLUDE REGEX "^${folder}/")
  endforeach()
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(APPEND sources ${ARG_SOURCES})
  add_library(weir_${name} STATIC ${sources})
  target_link_libraries(weir_${name} PUBLIC weir_options ${ARG_DEPENDS})
  weir_precompile(weir_${name})
  if(tests)
    weir_test(${name}_test SOURCES ${tests} DEPENDS weir_${name})
  endif()
endfunction()

# weir_test(NAME SOURCES file... DEPENDS lib...) makes a GoogleTest program and one ctest entry for it.
function(weir_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE weir_options ${ARG_DEPENDS} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE WEIR_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  weir_precompile(${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
endfunction()

# The standard headers that nearly every file includes, parsed once per target kind.
function(weir_precompile target)
  target_precompile_headers(${target} PRIVATE
    <algorithm> <array> <atomic> <chrono> <coroutine> <cstdint> <cstring> <deque> <expected> <functional> <map> <memory>
    <optional> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
endfunction()

# weir_program(NAME SOURCES file... DEPENDS lib...) makes a program at the top of the build directory.
function(weir_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE weir_options ${ARG_DEPENDS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
endfunction()
