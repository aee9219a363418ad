if(TARGET test_runtime)
  target_compile_definitions(test_runtime PRIVATE FERRY_SYSREG_ACCESS="${CMAKE_CURRENT_SOURCE_DIR}/runtime/sysreg_access.txt")
endif()
