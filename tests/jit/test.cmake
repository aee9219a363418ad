if(TARGET test_jit AND FERRY_BASELINE)
  target_compile_definitions(test_jit PRIVATE FERRY_HAS_BASELINE)
endif()
