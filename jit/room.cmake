if(FERRY_BASELINE)
  find_package(asmjit CONFIG REQUIRED)
  target_link_libraries(ferry_jit PRIVATE asmjit::asmjit)
endif()
