if(TARGET test_devices)
  target_compile_definitions(test_devices PRIVATE FERRY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endif()
