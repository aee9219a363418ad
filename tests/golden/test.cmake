# What host code each tier makes of a few guest instructions, counted (tests/golden/host_code.txt).
if(FERRY_BASELINE)
  add_executable(test_golden ${CMAKE_CURRENT_SOURCE_DIR}/golden/host_code.cpp)
  target_link_libraries(test_golden PRIVATE ferry_frontend ferry_jit ferry_catch asmjit::asmjit ${CAPSTONE_LIBRARY})
  target_compile_definitions(test_golden PRIVATE FERRY_GOLDEN_FILE="${CMAKE_CURRENT_SOURCE_DIR}/golden/host_code.txt"
                                                 FERRY_LLVM_VERSION="${LLVM_PACKAGE_VERSION}")
  add_test(NAME golden COMMAND test_golden)
endif()
