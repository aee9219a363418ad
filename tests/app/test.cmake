if(TARGET test_app)
  target_compile_definitions(test_app PRIVATE FERRY_SOURCE="${CMAKE_SOURCE_DIR}")
endif()
