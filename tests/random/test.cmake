# Random instructions against the oracle: a program for AArch64 that runs in its own process, under a user-mode emulator.
find_program(FERRY_AARCH64_CC aarch64-linux-gnu-gcc)
find_program(FERRY_QEMU_AARCH64 qemu-aarch64)
if(TARGET ferry_verify AND FERRY_AARCH64_CC AND FERRY_QEMU_AARCH64)
  set(oracle ${CMAKE_CURRENT_BINARY_DIR}/oracle)
  set(oracle_source ${CMAKE_SOURCE_DIR}/verify/oracle/oracle.c)
  add_custom_command(OUTPUT ${oracle}
    COMMAND ${FERRY_AARCH64_CC} -O2 -Wall -static -Wl,-Ttext-segment=0x0c000000 -Wl,--defsym=case_code=0x10000100 -o ${oracle} ${oracle_source}
    DEPENDS ${oracle_source} VERBATIM)
  add_executable(test_random ${CMAKE_CURRENT_SOURCE_DIR}/random/random_test.cpp ${oracle})
  target_compile_definitions(test_random PRIVATE FERRY_ORACLE="${oracle}" FERRY_ORACLE_EMULATOR="${FERRY_QEMU_AARCH64}")
  target_link_libraries(test_random PRIVATE ferry_verify ferry_catch)
  add_test(NAME random_slow COMMAND test_random)
else()
  message(STATUS "random instruction tests are left out: aarch64-linux-gnu-gcc or qemu-aarch64 is missing; ./dev setup installs them")
endif()
