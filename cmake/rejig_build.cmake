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
