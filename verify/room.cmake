# Oracles are programs of their own, beside ferry. Each is built where what it needs is there.
find_program(FERRY_AARCH64_CC aarch64-linux-gnu-gcc)
set(oracle_folder ${CMAKE_SOURCE_DIR}/verify/oracle)
if(FERRY_AARCH64_CC)
  # The ordinary one, and one that is wrong on purpose, for tests of what finds it.
  foreach(oracle IN ITEMS aarch64 wrong)
    set(FERRY_ORACLE_${oracle} ${CMAKE_BINARY_DIR}/ferry-oracle-${oracle})
    set(wrong)
    if(oracle STREQUAL "wrong")
      set(FERRY_ORACLE_wrong ${CMAKE_BINARY_DIR}/tests/ferry-oracle-wrong)
      set(wrong -DFERRY_WRONG_ORACLE)
    endif()
    add_custom_command(OUTPUT ${FERRY_ORACLE_${oracle}}
      COMMAND ${FERRY_AARCH64_CC} -O2 -Wall ${wrong} -static -Wl,-Ttext-segment=0x0c000000 -Wl,--defsym=case_code=0x10000100
              -o ${FERRY_ORACLE_${oracle}} ${oracle_folder}/oracle.c
      DEPENDS ${oracle_folder}/oracle.c ${oracle_folder}/protocol.h VERBATIM)
  endforeach()
  add_custom_target(ferry_oracles ALL DEPENDS ${FERRY_ORACLE_aarch64} ${FERRY_ORACLE_wrong})
  add_dependencies(ferry_verify ferry_oracles)
endif()

# Unicorn is under the GPL: its oracle is a program that nothing here links to.
find_library(FERRY_UNICORN unicorn)
find_path(FERRY_UNICORN_INCLUDE unicorn/unicorn.h)
if(FERRY_UNICORN AND FERRY_UNICORN_INCLUDE AND CMAKE_C_COMPILER)
  add_executable(ferry-oracle-unicorn ${oracle_folder}/unicorn.c)
  set_target_properties(ferry-oracle-unicorn PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_include_directories(ferry-oracle-unicorn PRIVATE ${FERRY_UNICORN_INCLUDE})
  target_link_libraries(ferry-oracle-unicorn PRIVATE ${FERRY_UNICORN})
endif()
