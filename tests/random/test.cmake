# Random instructions against the oracle: a program for AArch64 that runs in its own process, under a user-mode emulator.
find_program(FERRY_QEMU_AARCH64 qemu-aarch64)
if(TARGET ferry_verify AND TARGET ferry_oracles AND FERRY_QEMU_AARCH64)
  add_executable(test_random ${CMAKE_CURRENT_SOURCE_DIR}/random/random_test.cpp)
  add_dependencies(test_random ferry_oracles)
  target_compile_definitions(test_random PRIVATE FERRY_ORACLE="${CMAKE_BINARY_DIR}/ferry-oracle-aarch64"
    FERRY_ORACLE_EMULATOR="${FERRY_QEMU_AARCH64}")
  target_link_libraries(test_random PRIVATE ferry_verify ferry_catch)
  add_test(NAME random_slow COMMAND test_random)
else()
  message(STATUS "random instruction tests are left out: aarch64-linux-gnu-gcc or qemu-aarch64 is missing; ./dev setup installs them")
endif()
