if(FERRY_BASELINE)
  find_package(asmjit CONFIG REQUIRED)
  target_link_libraries(ferry_jit PRIVATE asmjit::asmjit)
  target_compile_definitions(ferry_jit PRIVATE FERRY_HAS_BASELINE)
endif()
# What the program and its optimizing module must have in common to be loaded together: every declaration they share,
# the code of this room, the compiler and its options.
set(build_id ${CMAKE_BINARY_DIR}/jit/build_id.inc)
file(GLOB_RECURSE build_id_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/*.h ${CMAKE_SOURCE_DIR}/ir/*.h ${CMAKE_SOURCE_DIR}/ir/*.def
     ${CMAKE_SOURCE_DIR}/cpu/*.h ${CMAKE_SOURCE_DIR}/cpu/*.def ${CMAKE_SOURCE_DIR}/softmmu/*.h ${CMAKE_SOURCE_DIR}/jit/*.h
     ${CMAKE_SOURCE_DIR}/jit/*.cpp)
list(JOIN build_id_files "\n" build_id_list)
file(GENERATE OUTPUT ${build_id}.list CONTENT "${build_id_list}\n")
add_custom_command(OUTPUT ${build_id}
  COMMAND ${CMAKE_COMMAND} -DLIST=${build_id}.list -DOUT=${build_id}
          "-DSALT=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_BUILD_TYPE} ${CMAKE_CXX_FLAGS}"
          -P ${CMAKE_SOURCE_DIR}/cmake/build_id.cmake
  DEPENDS ${build_id_files} ${build_id}.list ${CMAKE_SOURCE_DIR}/cmake/build_id.cmake
  COMMENT "the build's mark" VERBATIM)
target_sources(ferry_jit PRIVATE ${build_id})
set_property(SOURCE ${CMAKE_SOURCE_DIR}/jit/load_optimizing.cpp ${CMAKE_SOURCE_DIR}/jit/optimizing/module.cpp
             APPEND PROPERTY INCLUDE_DIRECTORIES ${CMAKE_BINARY_DIR})
# A shared object of its own, so that a process has LLVM only from when it first compiles with it (jit/load_optimizing.h).
if(FERRY_OPTIMIZING)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/jit/optimizing/*.cpp)
  add_library(ferry_optimizing MODULE ${sources} jit/code_memory.cpp jit/region_code.cpp jit/slab.cpp ${build_id})
  set_target_properties(ferry_optimizing PROPERTIES PREFIX "" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_include_directories(ferry_optimizing SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS})
  target_link_libraries(ferry_optimizing PRIVATE ferry_options ${FERRY_LLVM} Threads::Threads)
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")  # the program brings the sanitizers' run-time library
    target_link_options(ferry_optimizing PRIVATE -Wl,-z,defs)
  endif()
  add_dependencies(ferry_jit ferry_optimizing)
  target_link_libraries(ferry_jit PUBLIC ${CMAKE_DL_LIBS})
  target_compile_definitions(ferry_jit PUBLIC FERRY_HAS_OPTIMIZING)
endif()
