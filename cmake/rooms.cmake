# Rooms: one static library a room, with the includes that docs/rooms.txt allows and no others.

add_library(ferry_options INTERFACE)
target_compile_options(ferry_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Werror -fno-strict-aliasing)
target_include_directories(ferry_options INTERFACE ${CMAKE_SOURCE_DIR})

# For builds that find nothing in ccache: two fifths of the time goes into the standard library's headers.
option(FERRY_PCH "precompile the headers that most sources include" OFF)
function(ferry_precompile target)
  if(NOT FERRY_PCH OR target STREQUAL "ferry_softmmu")  # which has a code generation option of its own
    return()
  endif()
  # libstdc++ turns this warning off around its own old parts, which clang forgets in a precompiled header.
  target_compile_options(${target} PRIVATE -Wno-deprecated-declarations)
  if(target STREQUAL "ferry_core")
    target_precompile_headers(ferry_core PRIVATE <algorithm> <array> <atomic> <chrono> <condition_variable> <cstring> <functional>
                              <memory> <mutex> <optional> <span> <string> <thread> <unordered_map> <vector> <fmt/format.h>)
  else()
    target_precompile_headers(${target} REUSE_FROM ferry_core)
  endif()
endfunction()

function(ferry_add_rooms)
  file(STRINGS ${CMAKE_SOURCE_DIR}/docs/rooms.txt lines REGEX "^[a-z]+:")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/rooms.txt)
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^([a-z]+):(.*)$" _ "${line}")
    set(room ${CMAKE_MATCH_1})
    separate_arguments(deps UNIX_COMMAND "${CMAKE_MATCH_2}")
    ferry_add_room(${room} ${deps})
  endforeach()
endfunction()

# Rooms without sources yet are left out; what depends on them links without them.
function(ferry_add_room room)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${room}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/app/main\\.cpp$")
  if(NOT FERRY_BASELINE)
    list(FILTER sources EXCLUDE REGEX "/jit/baseline/")
  endif()
  list(FILTER sources EXCLUDE REGEX "/jit/optimizing/")  # a shared object of its own: jit/room.cmake
  if(NOT sources)
    return()
  endif()
  add_library(ferry_${room} STATIC ${sources})
  target_link_libraries(ferry_${room} PUBLIC ferry_options)
  ferry_precompile(ferry_${room})
  if(NOT room STREQUAL "core")
    target_link_libraries(ferry_${room} PUBLIC ferry_core)  # every room stands on it, also while those between are empty
  endif()
  foreach(dep IN LISTS ARGN)
    if(TARGET ferry_${dep})
      target_link_libraries(ferry_${room} PUBLIC ferry_${dep})
    endif()
  endforeach()
  if(EXISTS ${CMAKE_SOURCE_DIR}/${room}/room.cmake)
    include(${CMAKE_SOURCE_DIR}/${room}/room.cmake)
  endif()
endfunction()
