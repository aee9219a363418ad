# Real guests at a pseudo-terminal (label boot). Each test skips itself where its guest is not fetched; ./dev test fetches first.
if(TARGET ferry)
  function(ferry_boot_test case tier)
    set(name boot_${case}_${tier})
    add_test(NAME ${name} COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/boot/boot_test.py ${case} --tier ${tier})
    set_tests_properties(${name} PROPERTIES LABELS boot SKIP_RETURN_CODE 77 TIMEOUT 900
      ENVIRONMENT "FERRY=$<TARGET_FILE:ferry>")
  endfunction()

  foreach(tier tiered interp baseline llvm)
    ferry_boot_test(shell ${tier})
  endforeach()
  foreach(tier tiered interp baseline)
    ferry_boot_test(smp2 ${tier})
  endforeach()
  ferry_boot_test(smp4 tiered)
  ferry_boot_test(smp_reboot tiered)
  foreach(case job_control ctrl_a_x installer uboot disk disk_snapshot random reboot expect expect_missed timeout signals clock)
    ferry_boot_test(${case} tiered)
  endforeach()
  # The clock is compared with the host's: nothing else should be running.
  set_tests_properties(boot_clock_tiered PROPERTIES RUN_SERIAL ON)
endif()
