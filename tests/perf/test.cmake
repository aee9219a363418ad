if(TARGET ferry AND TARGET guest_program_exceptions)
  add_test(NAME perf COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/perf_test.py $<TARGET_FILE:ferry>
    ${CMAKE_CURRENT_BINARY_DIR}/guest/exceptions.elf)
  set_tests_properties(perf PROPERTIES TIMEOUT 600 ENVIRONMENT "FERRY_CACHE=off")
endif()
