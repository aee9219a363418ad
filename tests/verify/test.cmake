# Lockstep is tried on whole machines.
if(TARGET test_verify AND TARGET ferry_machines)
  target_link_libraries(test_verify PRIVATE ferry_machines)
endif()
