# The instruction oracle: needs a cross compiler for AArch64 and a user-mode emulator. Without them its test is left out.
find_program(FERRY_AARCH64_CXX aarch64-linux-gnu-g++)
find_program(FERRY_QEMU_AARCH64 NAMES qemu-aarch64 qemu-aarch64-static)
set(oracle_dir ${CMAKE_CURRENT_SOURCE_DIR}/cpu/oracle)
if(TARGET test_cpu)
  # Seven hundred small functions: optimising them costs more than it brings.
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/cpu/oracle.cpp PROPERTIES COMPILE_OPTIONS "-O1;-g0")
  # Host results are compared under every rounding mode, with the flags that were raised.
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/cpu/fp_host.cpp PROPERTIES COMPILE_OPTIONS
                              "-frounding-math;-ftrapping-math;-ffp-contract=off")
endif()
if(TARGET test_cpu AND FERRY_AARCH64_CXX AND FERRY_QEMU_AARCH64)
  set(oracle_guest ${CMAKE_CURRENT_BINARY_DIR}/oracle_guest)
  add_custom_command(
    OUTPUT ${oracle_guest}
    COMMAND ${FERRY_AARCH64_CXX} -std=c++20 -O1 -static -I${CMAKE_SOURCE_DIR} ${oracle_dir}/guest.cpp -o ${oracle_guest}
    DEPENDS ${oracle_dir}/guest.cpp ${oracle_dir}/cases.h ${oracle_dir}/rows.def ${oracle_dir}/rows_fp.def
            ${oracle_dir}/rows_simd.def ${oracle_dir}/rows_crypto.def ${CMAKE_SOURCE_DIR}/core/types.h
    COMMENT "Building the AArch64 instruction oracle")
  add_custom_target(cpu_oracle_guest DEPENDS ${oracle_guest})
  add_dependencies(test_cpu cpu_oracle_guest)
  target_compile_definitions(test_cpu PRIVATE
    FERRY_ORACLE_COMMAND="${FERRY_QEMU_AARCH64} -cpu max ${oracle_guest}")
else()
  message(STATUS "no AArch64 cross compiler or user-mode emulator: the instruction oracle is left out")
endif()
