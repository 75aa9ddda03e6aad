# How every room of the house is built. A room is one folder with one CMakeLists.txt
# that calls rejig_room(NAME USES other rooms...). A room exports its own folder and
# nothing else, so including a header of a room that is not named is a compile error.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

option(REJIG_TESTS "build the tests" ON)
option(REJIG_FUZZ "build the fuzz targets (clang)" OFF)
option(REJIG_BENCH "build the benches" OFF)
set(REJIG_SANITIZE "" CACHE STRING "sanitizers for everything, as in -fsanitize=")

add_library(rejig_flags INTERFACE)
target_compile_options(rejig_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wwrite-strings -Wvla -Wundef -Wformat=2
  -fno-strict-aliasing -fvisibility=hidden)
target_compile_definitions(rejig_flags INTERFACE _GNU_SOURCE REJIG_VERSION="${PROJECT_VERSION}")
if(REJIG_SANITIZE)
  add_compile_options(-fsanitize=${REJIG_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${REJIG_SANITIZE})
endif()

# rejig_room(NAME [USES ROOM...] [LIBRARIES LIB...])
function(rejig_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE rejig_flags PUBLIC ${ROOM_USES} ${ROOM_LIBRARIES})
endfunction()

# rejig_sanitized_room(RESULT ROOM SANITIZERS): sets RESULT to the name of ROOM's library under
# -fsanitize=SANITIZERS, which is built once for all tests that link it, and to ROOM itself
# where that is no room but a library of the system.
function(rejig_sanitized_room result room sanitizers)
  string(REGEX REPLACE ",.*" "" first "${sanitizers}")
  set(name ${room}_${first})
  if(NOT TARGET ${room})
    set(${result} ${room} PARENT_SCOPE)
    return()
  endif()
  get_target_property(imported ${room} IMPORTED)
  if(imported)
    set(${result} ${room} PARENT_SCOPE)
    return()
  endif()
  set(${result} ${name} PARENT_SCOPE)
  if(TARGET ${name})
    return()
  endif()
  get_target_property(sources ${room} SOURCES)
  get_target_property(folder ${room} SOURCE_DIR)
  get_target_property(uses ${room} INTERFACE_LINK_LIBRARIES)
  add_library(${name} STATIC EXCLUDE_FROM_ALL ${sources})
  target_include_directories(${name} PUBLIC "${folder}")
  target_link_libraries(${name} PRIVATE rejig_flags)
  rejig_sanitize(${name} ${sanitizers})
  foreach(use IN LISTS uses)
    if(use AND NOT use MATCHES "LINK_ONLY")
      rejig_sanitized_room(library ${use} ${sanitizers})
      target_link_libraries(${name} PUBLIC ${library})
    endif()
  endforeach()
endfunction()

# rejig_sanitize(TARGET SANITIZERS): "address,undefined" or "thread".
function(rejig_sanitize target sanitizers)
  target_compile_options(${target} PRIVATE -O1 -fsanitize=${sanitizers} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(${target} PRIVATE -fsanitize=${sanitizers})
  # Lint looks at a file as it is shipped, once, and not with the options of another compiler.
  set_target_properties(${target} PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
  if(sanitizers STREQUAL "thread")
    target_compile_options(${target} PRIVATE $<$<C_COMPILER_ID:GNU>:-Wno-tsan>)
  endif()
endfunction()

# rejig_sanitized_test(TEST SOURCE SANITIZERS ROOM...): the unit test built a second time, with
# its rooms, under -fsanitize=SANITIZERS. The test is called unit.TEST.FIRST_SANITIZER.
find_program(REJIG_SETARCH setarch)
function(rejig_sanitized_test test source sanitizers)
  string(REGEX REPLACE ",.*" "" first "${sanitizers}")
  set(name ${test}_${first})
  add_executable(${name} "${source}")
  foreach(room IN LISTS ARGN)
    rejig_sanitized_room(library ${room} ${sanitizers})
    target_link_libraries(${name} PRIVATE ${library})
  endforeach()
  get_filename_component(folder "${source}" DIRECTORY)
  target_include_directories(${name} PRIVATE "${folder}")
  target_link_libraries(${name} PRIVATE rejig_flags PkgConfig::CMOCKA)
  rejig_sanitize(${name} ${sanitizers})
  set(command ${name})
  if(first STREQUAL "thread" AND REJIG_SETARCH)
    # The shadow memory of gcc 12's and clang 14's tsan does not fit every random layout.
    set(command ${REJIG_SETARCH} -R $<TARGET_FILE:${name}>)
  endif()
  add_test(NAME unit.${test}.${first} COMMAND ${command})
  set_tests_properties(unit.${test}.${first} PROPERTIES LABELS "unit;sanitized" TIMEOUT 240)
endfunction()
