# Every switch of the settings table in every position; tools/full/settings_matrix.sh does more of it.
if(TARGET ferry AND TARGET guest_program_exceptions)
  add_test(NAME settings_matrix COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/matrix_test.py quick $<TARGET_FILE:ferry>
    ${CMAKE_CURRENT_BINARY_DIR}/guest/exceptions.elf ${CMAKE_CURRENT_BINARY_DIR}/guest/faults.elf ${CMAKE_CURRENT_BINARY_DIR}/guest/traps.elf)
  set_tests_properties(settings_matrix PROPERTIES TIMEOUT 1200)
endif()
